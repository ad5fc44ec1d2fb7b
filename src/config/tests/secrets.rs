//! What is wrong beside a secret does not give it away.

use super::*;

/// Reads what is wrong and looks for what nobody may read.
#[track_caller]
fn check(inputs: &Inputs, expected: &str) {
    let seen = rejected(inputs).to_string();
    assert!(seen.contains(expected), "{expected}: {seen}");
    assert!(!seen.contains("hunter2"), "{seen}");
}

#[test]
fn secrets_are_not_shown_by_what_is_wrong_beside_them() {
    let cases = [
        (r#"upstream: {headers: {authorization: "Bearer hunter2"}, tiemout: 5s}"#, "no key `tiemout`"),
        (r#"upstream: {headers: {authorization: "Bearer hunter2"}, timeout: 5s}}"#, "cannot be read as YAML"),
        ("upstream:\n  headers: {x: hunter1}\n  headers: {x: hunter2}", "`headers` stands here twice"),
        (r#"upstrem: {headers: {authorization: "Bearer hunter2"}}"#, "no key `upstrem`"),
        ("upstream:\n  headers:\n    x: hunter1\n    x: hunter2\n", "`x` stands here twice"),
        ("upstream:\n  headers:\n    x: hunter2: [\n", "cannot be read as YAML"),
        ("upstream:\n  headers: {authorization Bearer hunter2}\n", "not the name of a header"),
        ("upstream:\n  headers: [hunter2]\n", "`upstream.headers` cannot be a list"),
        ("x: &x {y: hunter2}\nupstream: {headers: *x}\n", "no key `x`"),
        ("x: &x {y: hunter2}\nupstream: {headers: {<<: *x}}\n", "no key `x`"),
        ("authorization: hunter2\n", "no key `authorization`"),
        (r#"upstream: {endpoint: "http://me:hunter2@jaeger:4317"}"#, "user or password"),
        (r#"upstream: {endpoint: "http://jaeger:4317/v1?k=hunter2"}"#, "has a path"),
    ];
    for (text, expected) in cases {
        check(&file(text), expected);
    }
}

#[test]
fn secrets_in_variables_are_not_shown_either() {
    let cases = [
        ("TAILWATER__UPSTREAM__HEADERS", "authorization: [hunter2", "cannot be read as YAML"),
        ("TAILWATER__UPSTREAM__HEADERS", "{authorization: [hunter2], bad name: hunter2}", "the header `authorization`"),
        ("TAILWATER__UPSTREAM__HEADERS__X-SCOPE", "hunter2\n", "the header `x-scope`"),
        ("TAILWATER__UPSTREAM", "{headers: {x: hunter2}, tiemout: 5s}", "no key `tiemout`"),
        ("TAILWATER__UPSTREAM", "{hedars: {x: hunter2}}", "no key `hedars`"),
        ("TAILWATER__AUTHORIZATION", "hunter2", "no key `authorization`"),
    ];
    for (name, value, expected) in cases {
        check(&environment(&[(name, value)]), expected);
    }
}

#[test]
fn what_is_wrong_elsewhere_is_shown() {
    let seen = rejected(&file("upstream:\n  headers: {x: hunter2}\n  tiemout: 5s\n")).to_string();
    assert!(seen.contains(" 3 |   tiemout: 5s\n"), "{seen}");
}
