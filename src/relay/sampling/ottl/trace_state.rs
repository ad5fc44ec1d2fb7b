//! One member of a tracestate, looked up in the whole of it: a tracestate that is none by the grammar of W3C Trace
//! Context has no members, and asking for one gives nil. One that can be read and lacks the member gives empty text.

use std::collections::BTreeSet;

/// Members that a tracestate may have.
const MEMBERS_MAX: usize = 32;

/// The value of the member `key`; none where the tracestate cannot be read.
pub(super) fn member<'a>(state: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let mut seen = BTreeSet::new();
    let mut found: &[u8] = &[];
    for part in state.split(|byte| *byte == b',').filter(|part| !part.is_empty()) {
        let at = part.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (trim_start(&part[..at]), trim_end(&part[at + 1..]));
        if !is_key(name) || !is_value(value) || !seen.insert(name) || MEMBERS_MAX < seen.len() {
            return None;
        }
        if name == key {
            found = value;
        }
    }
    Some(found)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn trim_start(text: &[u8]) -> &[u8] {
    let from = text.iter().position(|byte| !is_blank(*byte)).unwrap_or(text.len());
    &text[from..]
}

fn trim_end(text: &[u8]) -> &[u8] {
    let to = text.iter().rposition(|byte| !is_blank(*byte)).map_or(0, |last| last + 1);
    &text[..to]
}

fn is_value(value: &[u8]) -> bool {
    (1..=256).contains(&value.len())
        && value.iter().all(|byte| (b' '..=b'~').contains(byte) && !matches!(byte, b',' | b'='))
}

/// A key by itself, or that of a tenant and a system.
fn is_key(key: &[u8]) -> bool {
    let small = |first: &u8| first.is_ascii_lowercase();
    match key.iter().position(|byte| *byte == b'@') {
        None => is_part(key, 256, small),
        Some(at) => {
            is_part(&key[..at], 241, |first| small(first) || first.is_ascii_digit())
                && is_part(&key[at + 1..], 14, small)
        }
    }
}

fn is_part(part: &[u8], len_max: usize, first: impl Fn(&u8) -> bool) -> bool {
    let rest =
        |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'*' | b'/');
    part.len() <= len_max && part.first().is_some_and(first) && part.iter().skip(1).all(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_found_only_in_a_tracestate_that_can_be_read() {
        let ask = |state: &'static str| member(state.as_bytes(), b"k").map(|value| String::from_utf8_lossy(value));
        assert_eq!(ask("a=1,k=v w ,b@c=2").as_deref(), Some("v w"));
        assert_eq!(ask(" \tk=v").as_deref(), Some("v"));
        assert_eq!(ask(",,a=1,").as_deref(), Some(""));
        assert_eq!(ask("").as_deref(), Some(""));
        for bad in ["k", "k=", "K=v", "k=v,k=w", "k=v,1a=1", "k=v,a@=1", "k=v,a=b=c", "k=\u{e9}", "k =v", " "] {
            assert_eq!(ask(bad), None, "{bad}");
        }
        let many = |count| (0..count).map(|number| format!("a{number}=1")).collect::<Vec<_>>().join(",");
        assert_eq!(member(many(32).as_bytes(), b"a31"), Some(&b"1"[..]));
        assert_eq!(member(many(33).as_bytes(), b"a31"), None);
    }
}
