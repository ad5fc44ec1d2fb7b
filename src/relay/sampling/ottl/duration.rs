//! Durations as Go writes them: `1h30m`, `1.5s`, `-250ms`.

use super::convert::Failed;

/// Units and their nanoseconds.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// The nanoseconds of a duration in text.
pub(super) fn parse(text: &str) -> Result<i64, Failed> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    let mut nanos = 0_u64;
    loop {
        let (part, after) = part(rest)?;
        nanos = nanos.checked_add(part).filter(|nanos| *nanos <= 1 << 63).ok_or(Failed)?;
        if after.is_empty() {
            break;
        }
        rest = after;
    }
    match negative {
        true => Ok((nanos as i64).wrapping_neg()),
        false => i64::try_from(nanos).map_err(|_| Failed),
    }
}

/// The nanoseconds of one number with its unit, and what follows.
fn part(text: &str) -> Result<(u64, &str), Failed> {
    let digits = |text: &str| text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (whole, rest) = text.split_at(digits(text));
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits(rest)),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(Failed);
    }
    let len = rest.bytes().position(|byte| byte == b'.' || byte.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(len);
    let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(Failed)?;
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| Failed)? };
    let nanos = whole.checked_mul(*unit).ok_or(Failed)?;
    // Digits beyond the eighteenth are less than a nanosecond of any unit.
    let fraction = &fraction[..fraction.len().min(18)];
    let part = match fraction {
        "" => 0,
        digits => {
            let scale = 10_u128.pow(digits.len() as u32);
            (digits.parse::<u128>().map_err(|_| Failed)? * u128::from(*unit) / scale) as u64
        }
    };
    Ok((nanos.checked_add(part).ok_or(Failed)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, nanos) in [
            ("0", 0),
            ("5s", 5_000_000_000),
            ("1h2m3s", 3_723_000_000_000),
            ("1.5h", 5_400_000_000_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("-250ms", -250_000_000),
            ("+3us", 3_000),
            ("4\u{b5}s", 4_000),
            ("0.3333333333333333333h", 1_200_000_000_000),
            ("9223372036854775807ns", i64::MAX),
            ("-9223372036854775808ns", i64::MIN),
        ] {
            assert!(parse(text).is_ok_and(|read| (read - nanos).abs() <= 1), "{text}: {:?}", parse(text));
        }
        for text in ["", "5", "s", ".s", "5 s", "-", "5x", "1h-2m", "9223372036854775808ns", "99999999999999999999s"] {
            assert_eq!(parse(text), Err(Failed), "{text}");
        }
    }
}
