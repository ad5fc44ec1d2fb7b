//! How expressions group, and where they go wrong.

use super::*;

/// The tree with every part in parentheses.
fn shown(node: &Node) -> String {
    let list = |parts: &[Node], join: &str| parts.iter().map(shown).collect::<Vec<_>>().join(join);
    match &node.what {
        What::Nil => "nil".to_owned(),
        What::Bool(truth) => truth.to_string(),
        What::Int(number) => number.to_string(),
        What::Float(number) => format!("{number:?}"),
        What::Text(text) => format!("{text:?}"),
        What::Bytes(bytes) => format!("{bytes:?}"),
        What::Enum(name) => name.clone(),
        What::List(items) => format!("[{}]", list(items, ", ")),
        What::Path(segments) => {
            let segment = |segment: &Segment| format!("{}{}", segment.name, keys(&segment.keys));
            segments.iter().map(segment).collect::<Vec<_>>().join(".")
        }
        What::Call(call) => {
            let argument = |argument: &Argument| match &argument.name {
                Some(name) => format!("{name}={}", shown(&argument.value)),
                None => shown(&argument.value),
            };
            let arguments: Vec<String> = call.arguments.iter().map(argument).collect();
            format!("{}({}){}", call.name, arguments.join(", "), keys(&call.keys))
        }
        What::Negative(inside) => format!("(-{})", shown(inside)),
        What::Math(math, left, right) => format!("({} {math:?} {})", shown(left), shown(right)),
        What::Group(inside) => format!("<{}>", shown(inside)),
        What::Compare(comparison, left, right) => format!("({} {comparison:?} {})", shown(left), shown(right)),
        What::Not(inside) => format!("(not {})", shown(inside)),
        What::And(parts) => format!("({})", list(parts, " and ")),
        What::Or(parts) => format!("({})", list(parts, " or ")),
    }
}

fn keys(keys: &[Key]) -> String {
    let key = |key: &Key| match &key.what {
        Index::Name(name) => format!("[{:?}]", String::from_utf8_lossy(name)),
        Index::Place(place) => format!("[{place}]"),
    };
    keys.iter().map(key).collect()
}

#[track_caller]
fn groups(text: &str, expect: &str) {
    let node = parse(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
    assert_eq!(shown(&node), expect);
    assert_eq!(node.at, 0..text.len(), "the whole of it");
}

#[track_caller]
fn refused(text: &str, at: std::ops::Range<usize>, says: &str, helps: &str) {
    let fault = parse(text).expect_err(text);
    let fits = fault.message.contains(says) && fault.help.as_deref().unwrap_or_default().contains(helps);
    assert_eq!((fault.at.clone(), fits), (at, true), "{fault:?}");
}

#[test]
fn and_binds_closer_than_or_and_not_closer_than_both() {
    groups("a == 1 or b == 2 and not c == 3", "((a Equal 1) or ((b Equal 2) and (not (c Equal 3))))");
    groups("(a == 1 or b == 2) and true", "(<((a Equal 1) or (b Equal 2))> and true)");
    groups("not (F() and G(a))", "(not <(F() and G(a))>)");
}

#[test]
fn calculations_bind_closer_than_comparisons() {
    groups("a + b * 2 - 1 < -c / (d - 2)", "(((a Add (b Multiply 2)) Subtract 1) Less ((-c) Divide <(d Subtract 2)>))");
    groups("(b - a) > -1.5", "(<(b Subtract a)> Greater -1.5)");
    groups("+3 >= -4", "(3 GreaterOrEqual -4)");
}

#[test]
fn paths_calls_and_literals_are_told_apart() {
    groups(
        r#"a.b["k"][0].c != F(x="t", [1, nil, [0xff]], STATUS_CODE_OK)["m"]"#,
        r#"(a.b["k"][0].c NotEqual F(x="t", [1, nil, [[255]]], STATUS_CODE_OK)["m"])"#,
    );
    groups("G([]) <= false", "(G([]) LessOrEqual false)");
}

#[test]
fn what_cannot_be_read_is_refused_where_it_goes_wrong() {
    refused("", 0..0, "ends here", "a value");
    refused("name ==", 7..7, "ends here", "a value");
    refused("name = \"x\"", 5..6, "`=` is no comparison", "`==`");
    refused("name == \"x\" name", 12..16, "`name` cannot stand", "`and`, `or`");
    refused("a == 1 == 2", 7..9, "`==` cannot stand", "`and`, `or`");
    refused("(a == 1", 7..7, "ends here", "`)`");
    refused("a == not b", 5..8, "`not` cannot stand", "whole comparison");
    refused("not not a == 1", 4..7, "`not` cannot stand", "");
    refused("F(a b)", 4..5, "`b` cannot stand", "`,` or `)`");
    refused("F(a, )", 5..6, "`)` cannot stand", "a value");
    refused("a[name] == 1", 2..6, "cannot stand", "a key");
    refused("a[\"k\" == 1", 6..8, "cannot stand", "`]`");
    refused("a. == 1", 3..5, "cannot stand", "a name");
    refused("-\"x\" == 1", 1..4, "no sign", "");
    refused("IsRootSpan == true", 0..10, "neither a path nor an enum", "`IsRootSpan(...)`");
    refused("[1, 2 == a", 6..8, "cannot stand", "`,` or `]`");
}

#[test]
fn parentheses_have_a_limit_and_length_has_none_but_its_own() {
    let nested = |deep: usize| format!("{}a == 1{}", "(".repeat(deep), ")".repeat(deep));
    assert!(parse(&nested(DEPTH_MAX)).is_ok());
    refused(&nested(DEPTH_MAX + 1), 64..65, "more than 64 deep", "");
    assert!(parse(&format!("a == 1{}", " or b == 2".repeat(5000))).is_ok());
    assert!(parse(&format!("a == 1{}", " + 2".repeat(CALCULATIONS_MAX))).is_ok());
    refused(&format!("1{} == a", "+2".repeat(CALCULATIONS_MAX + 1)), 514..515, "more than 256 calculations", "");
}
