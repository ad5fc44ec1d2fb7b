//! Random conditions on random spans, held against the model; and garbage, which must be refused and never panic.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const KEYS: [&str; 4] = ["a", "b", "long.key", "none"];

fn leaf() -> impl Strategy<Value = Proto> {
    prop_oneof![
        select(vec!["", "a", "b", "12", "\u{e9}"]).prop_map(text),
        any::<bool>().prop_map(Proto::BoolValue),
        select(vec![-1, 0, 1, 2, 12, i64::MAX]).prop_map(Proto::IntValue),
        select(vec![-0.5, 0.0, 1.0, 2.5]).prop_map(Proto::DoubleValue),
        proptest::collection::vec(0..3_u8, 0..3).prop_map(Proto::BytesValue),
    ]
}

fn proto() -> impl Strategy<Value = Proto> {
    leaf().prop_recursive(2, 8, 3, |inside| {
        let pairs = proptest::collection::vec((select(KEYS[..2].to_vec()), inside.clone()), 0..3);
        prop_oneof![
            proptest::collection::vec(inside, 0..3).prop_map(list),
            // A key twice is no map of the decoded model's.
            pairs.prop_map(|mut pairs| {
                pairs.sort_by_key(|(key, _)| *key);
                pairs.dedup_by_key(|(key, _)| *key);
                map(pairs)
            }),
        ]
    })
}

fn pairs() -> impl Strategy<Value = Vec<KeyValue>> {
    let value = proptest::option::weighted(0.9, proto());
    proptest::collection::vec((select(KEYS[..3].to_vec()), value), 0..5)
        .prop_map(|pairs| pairs.into_iter().map(|(key, value)| pair(key, value)).collect())
}

fn spans() -> impl Strategy<Value = ResourceSpans> {
    let name = select(vec!["", "a", "b"]);
    (pairs(), pairs(), name, 0..3_i32, 0..3_i32, any::<bool>()).prop_map(|(own, around, name, kind, code, root)| {
        let mut spans = sample_with(|span| {
            span.attributes = own;
            span.name = name.to_owned();
            span.kind = kind;
            span.status = (code != 0).then(|| Status { code, message: String::new() });
            span.parent_span_id = if root { Vec::new() } else { vec![1; 8] };
        });
        spans.resource = Some(Resource { attributes: around, ..Resource::default() });
        spans
    })
}

fn literal() -> impl Strategy<Value = Plain> {
    let one = prop_oneof![
        Just(Plain::Nil),
        any::<bool>().prop_map(Plain::Bool),
        select(vec![-1, 0, 1, 12, i64::MAX]).prop_map(Plain::Int),
        select(vec![-0.5, 1.0, 2.5]).prop_map(Plain::Double),
        select(vec!["", "a", "12"]).prop_map(|text| Plain::Text(text.to_owned())),
        proptest::collection::vec(0..3_u8, 1..3).prop_map(Plain::Bytes),
    ];
    prop_oneof![6 => one.clone(), 1 => proptest::collection::vec(one, 0..3).prop_map(Plain::List)]
}

fn asked() -> impl Strategy<Value = Expr> {
    let inside = prop_oneof![select(KEYS[..2].to_vec()).prop_map(Inside::Key), (0..3_usize).prop_map(Inside::Place)];
    prop_oneof![
        1 => Just(Expr::Name),
        1 => Just(Expr::Kind),
        1 => Just(Expr::Status),
        1 => Just(Expr::Parent),
        1 => Just(Expr::Scope),
        1 => select(KEYS.to_vec()).prop_map(Expr::Resource),
        4 => (select(KEYS.to_vec()), proptest::collection::vec(inside, 0..2))
            .prop_map(|(key, inside)| Expr::Attribute(key, inside)),
    ]
}

fn expr() -> impl Strategy<Value = Expr> {
    // What is calculated with is an attribute, so that nothing is refused for its kind.
    let number = || (select(KEYS.to_vec())).prop_map(|key| Expr::Attribute(key, Vec::new()));
    let sign = select(vec!["+", "*", "/"]);
    prop_oneof![
        3 => literal().prop_map(Expr::Literal),
        5 => asked(),
        1 => (sign, number(), number()).prop_map(|(sign, left, right)| Expr::Sum(sign, Box::new(left), Box::new(right))),
        1 => number().prop_map(|inside| Expr::Int(Box::new(inside))),
        1 => asked().prop_map(|inside| Expr::IsString(Box::new(inside))),
        1 => proptest::collection::vec(asked(), 1..3).prop_map(Expr::Coalesce),
    ]
}

fn test() -> impl Strategy<Value = Test> {
    let sign = select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let one = prop_oneof![
        1 => any::<bool>().prop_map(Test::Bool),
        8 => (sign, expr(), expr()).prop_map(|(sign, left, right)| Test::Compare(sign, left, right)),
        1 => expr().prop_map(Test::IsString),
    ];
    one.prop_recursive(3, 12, 3, |inside| {
        prop_oneof![
            inside.clone().prop_map(|inside| Test::Not(Box::new(inside))),
            proptest::collection::vec(inside.clone(), 1..3).prop_map(Test::And),
            proptest::collection::vec(inside, 1..3).prop_map(Test::Or),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn a_condition_says_of_bytes_what_the_model_says_of_the_decoded_span(test in test(), spans in spans()) {
        prop_assert_eq!(said(&test.written(), &spans), test.holds(&spans).ok(), "{}", test.written());
    }

    #[test]
    fn garbage_is_refused_within_itself_and_never_panics(
        words in proptest::collection::vec(select(vec![
            "name", "attributes", "[", "]", "\"k\"", "\"", "(", ")", "==", "<", "and", "or", "not", "nil", "true", "1", "2.5", "0xff", "+",
            "-", "/", ",", ".", "IsMatch", "Len", "Duration", "STATUS_CODE_OK", "resource", "\\", "\u{e9}", "=", "start_time", " ", "kind",
        ]), 0..14),
        noise in "\\PC{0,12}",
    ) {
        for text in [words.join(" "), words.concat(), noise.clone(), format!("{} {noise}", words.concat())] {
            for context in [Context::Span, Context::SpanEvent] {
                match check(&text, context) {
                    Ok(()) if context == Context::Span => drop(said(&text, &sample())),
                    Ok(()) => {}
                    Err(fault) => {
                        prop_assert!(fault.at.start <= fault.at.end && fault.at.end <= text.len(), "{text:?}: {fault:?}");
                        prop_assert!(text.get(fault.at.clone()).is_some(), "{text:?}: {fault:?}");
                        fault.line(&text);
                    }
                }
            }
        }
    }
}
