//! W3C tracestate as far as sampling needs it: the member `ot` with its `th` (threshold) and `rv` (randomness), by the
//! OpenTelemetry tracestate specification. Everything else is carried on in its order.

use crate::relay::sampling::ratio::Threshold;

/// What a kept span says about how it was sampled. The default says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// The threshold it was kept by; the larger of this and the span's own is written.
    pub threshold: Option<Threshold>,
    /// The randomness it was kept by, where it is not in the trace id; one that is there already stays.
    pub randomness: Option<u64>,
}

/// Whether a new value was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It was.
    Yes,
    /// The old one cannot be read, or has no room for more; it is to be left as it is.
    Untouched,
}

/// Members that a tracestate may have.
const MEMBERS_MAX: usize = 32;
/// Characters that the value of one member may have.
const VALUE_MAX: usize = 256;

/// The explicit randomness of a tracestate.
pub fn randomness(trace_state: &[u8]) -> Option<u64> {
    let digits = field(trace_state, b"rv")?;
    (digits.len() == 14).then(|| hex(digits)).flatten()
}

/// The threshold that a tracestate brings.
pub fn threshold(trace_state: &[u8]) -> Option<Threshold> {
    read_threshold(field(trace_state, b"th")?)
}

/// Writes the tracestate of a kept span, given the one that it came with.
pub fn write(existing: Option<&[u8]>, stamp: &Stamp, out: &mut Vec<u8>) -> Written {
    let existing = existing.unwrap_or_default();
    let Some(members) = members(existing) else { return Written::Untouched };
    let own = members.iter().find(|(key, _)| *key == b"ot").map_or(&b""[..], |(_, value)| value);
    let Some(value) = renewed(own, stamp) else { return Written::Untouched };
    let others: Vec<_> = members.iter().filter(|(key, _)| *key != b"ot").collect();
    if MEMBERS_MAX <= others.len() {
        return Written::Untouched;
    }
    out.extend_from_slice(b"ot=");
    out.extend_from_slice(&value);
    for (key, value) in others {
        out.push(b',');
        out.extend_from_slice(key);
        out.push(b'=');
        out.extend_from_slice(value);
    }
    Written::Yes
}

/// The value of `ot` with the stamp in it; nothing when it cannot be read or has no room.
fn renewed(own: &[u8], stamp: &Stamp) -> Option<Vec<u8>> {
    let fields = fields(own)?;
    let find = |name: &[u8]| fields.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let old_randomness = find(b"rv");
    let randomness = old_randomness.and_then(hex).or(stamp.randomness);
    // A threshold that its own randomness contradicts says nothing about how the trace was sampled.
    let old = find(b"th").and_then(read_threshold).filter(|old| randomness.is_none_or(|rv| old.keeps(rv)));
    let threshold = stamp.threshold.into_iter().chain(old).max();
    let mut parts = Vec::new();
    parts.extend(threshold.map(|threshold| format!("th:{}", threshold.to_hex()).into_bytes()));
    match (old_randomness, stamp.randomness) {
        (Some(old), _) => parts.push([b"rv:", old].concat()),
        (None, Some(new)) => parts.push(format!("rv:{new:014x}").into_bytes()),
        (None, None) => {}
    }
    let rest = fields.iter().filter(|(key, _)| *key != b"th" && *key != b"rv");
    parts.extend(rest.map(|(key, value)| [key, &b":"[..], value].concat()));
    let value = parts.join(&b';');
    (!value.is_empty() && value.len() <= VALUE_MAX).then_some(value)
}

/// The members of a tracestate, in order; nothing when it is not one.
fn members(text: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let parts = text.split(|&byte| byte == b',').map(|part| part.trim_ascii()).filter(|part| !part.is_empty());
    let members: Vec<_> = parts.map(|part| pair(part, b'=')).collect::<Option<_>>()?;
    (members.len() <= MEMBERS_MAX).then_some(members)
}

/// The fields of the `ot` member, in order.
fn fields(value: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let parts = value.split(|&byte| byte == b';').filter(|part| !part.is_empty());
    parts.map(|part| pair(part, b':')).collect()
}

fn field<'a>(trace_state: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let own = members(trace_state)?.into_iter().find(|(key, _)| *key == b"ot")?.1;
    fields(own)?.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value)
}

fn pair(part: &[u8], sign: u8) -> Option<(&[u8], &[u8])> {
    let at = part.iter().position(|&byte| byte == sign)?;
    let (key, value) = (&part[..at], &part[at + 1..]);
    (!key.is_empty() && key.iter().chain(value).all(|byte| (0x20..0x7f).contains(byte))).then_some((key, value))
}

fn read_threshold(digits: &[u8]) -> Option<Threshold> {
    let bits = hex(digits)?;
    Threshold::new(bits << (4 * (14 - digits.len())))
}

/// One to fourteen hexadecimal digits.
fn hex(digits: &[u8]) -> Option<u64> {
    let fine = (1..=14).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit);
    fine.then(|| std::str::from_utf8(digits).ok().and_then(|digits| u64::from_str_radix(digits, 16).ok())).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stamp(share: f64) -> Stamp {
        Stamp { threshold: Threshold::of_share(share), randomness: None }
    }

    #[track_caller]
    fn check(existing: &str, stamp: Stamp, expect: Option<&str>) {
        let mut out = Vec::new();
        let written = write(Some(existing.as_bytes()), &stamp, &mut out);
        let value = String::from_utf8(out).expect("ASCII");
        assert_eq!((written == Written::Yes).then_some(value.as_str()), expect, "{existing}");
    }

    #[test]
    fn others_keep_their_place_behind_ours() {
        check("", stamp(0.1), Some("ot=th:e666"));
        check("a=1, b=2", stamp(0.1), Some("ot=th:e666,a=1,b=2"));
        check("a=1,ot=rv:ffffffffffffff;x:y,b=2", stamp(0.5), Some("ot=th:8;rv:ffffffffffffff;x:y,a=1,b=2"));
    }

    #[test]
    fn a_threshold_only_grows() {
        check("ot=th:c", stamp(0.5), Some("ot=th:c"));
        check("ot=th:4", stamp(0.5), Some("ot=th:8"));
        check("ot=th:4", stamp(1.0), Some("ot=th:4"));
    }

    #[test]
    fn a_threshold_that_the_randomness_contradicts_is_erased() {
        check("ot=th:c;rv:10000000000000", stamp(1.0), Some("ot=th:0;rv:10000000000000"));
    }

    #[test]
    fn a_randomness_that_is_there_stays() {
        let sdk = Stamp { randomness: Some(0xff), ..stamp(0.5) };
        check("", sdk, Some("ot=th:8;rv:000000000000ff"));
        check("ot=rv:ffffffffffff00", sdk, Some("ot=th:8;rv:ffffffffffff00"));
    }

    #[test]
    fn what_cannot_be_read_or_has_no_room_is_left_alone() {
        check("no sign", stamp(0.1), None);
        check("ot=th", stamp(0.1), None);
        check("ot=a:\u{7f}", stamp(0.1), None);
        check(&format!("ot=x:{}", "y".repeat(250)), stamp(0.1), None);
        let full: Vec<_> = (0..32).map(|number| format!("k{number}=v")).collect();
        check(&full.join(","), stamp(0.1), None);
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_again(bits in 0..1u64 << 56, randomness in 0..1u64 << 56) {
            let threshold = Threshold::new(bits);
            let mut out = Vec::new();
            write(Some(b"a=1"), &Stamp { threshold, randomness: Some(randomness) }, &mut out);
            prop_assert_eq!(super::threshold(&out), threshold);
            prop_assert_eq!(super::randomness(&out), Some(randomness));
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let mut out = Vec::new();
            let _ = (threshold(&bytes), randomness(&bytes), write(Some(&bytes), &stamp(0.1), &mut out));
        }
    }
}
