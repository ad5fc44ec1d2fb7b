//! Durations as people write them: `200ms`, `5s`, `1m30s`, `1.5h`.

use std::time::Duration;

use serde::Deserialize;

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(pub Duration);

impl Span {
    /// Reads a duration; none if it is not one, or longer than a year.
    pub fn parse(text: &str) -> Option<Span> {
        if text == "0" {
            return Some(Span(Duration::ZERO));
        }
        let mut rest = text;
        let mut total = 0f64;
        while !rest.is_empty() {
            let digits = rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
            let (number, tail) = rest.split_at(digits);
            let letters = tail.find(|character: char| character.is_ascii_digit() || character == '.');
            let (unit, tail) = tail.split_at(letters.unwrap_or(tail.len()));
            let (_, nanos) = UNITS.iter().find(|(name, _)| *name == unit)?;
            total += number.parse::<f64>().ok()? * nanos;
            rest = tail;
        }
        (!text.is_empty() && total <= NANOS_MAX).then(|| Span(Duration::from_nanos(total.round() as u64)))
    }
}

impl TryFrom<String> for Span {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Span, &'static str> {
        Span::parse(&text).ok_or("not a duration")
    }
}

impl std::fmt::Display for Span {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:?}", self.0)
    }
}

/// The units, in nanoseconds.
const UNITS: [(&str, f64); 7] =
    [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3_600e9)];
/// A year; longer is a mistake, and shorter cannot overflow.
const NANOS_MAX: f64 = 365.0 * 86_400e9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_numbers_with_units() {
        let cases = [
            ("0", Some(0)),
            ("200ms", Some(200_000)),
            ("5s", Some(5_000_000)),
            ("1m30s", Some(90_000_000)),
            ("1.5h", Some(5_400_000_000)),
            ("10µs", Some(10)),
            ("5", None),
            ("s", None),
            ("", None),
            ("-5s", None),
            ("5 s", None),
            ("5sec", None),
            ("1e400s", None),
            ("99999999h", None),
        ];
        for (text, micros) in cases {
            assert_eq!(Span::parse(text), micros.map(|micros| Span(Duration::from_micros(micros))), "{text}");
        }
    }
}
