//! Sizes as people write them: `256KiB`, `3.5MiB`, `64Mi`, `1GB`, or a number of bytes.

use serde::Deserialize;

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Size(pub u64);

impl Size {
    /// Reads a size; none if it is not one, or larger than any machine.
    pub fn parse(text: &str) -> Option<Size> {
        let digits = text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit.trim())?;
        if let Ok(whole) = number.parse::<u64>() {
            return whole.checked_mul(*factor).filter(|bytes| *bytes <= SIZE_MAX).map(Size);
        }
        let bytes = number.parse::<f64>().ok()? * *factor as f64;
        // Half bytes are a mistake ("1.5B"); what is left of a byte of a larger unit ("35.2MiB") is not.
        (bytes <= SIZE_MAX as f64 && 1 < *factor).then_some(Size(bytes as u64))
    }

    /// The size as an amount of this machine's memory.
    pub fn bytes(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl TryFrom<String> for Size {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Size, &'static str> {
        Size::parse(&text).ok_or("not a size")
    }
}

impl std::fmt::Display for Size {
    /// In the largest binary unit in which it is at least one, with at most two decimals.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let units = [("GiB", 1u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
        let Some((unit, factor)) = units.iter().find(|(_, factor)| *factor <= self.0) else {
            return write!(out, "{}B", self.0);
        };
        let text = format!("{:.2}", self.0 as f64 / *factor as f64);
        write!(out, "{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// What may follow the number, and what it multiplies by.
const UNITS: [(&str, u64); 15] = [
    ("", 1),
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("Gi", 1 << 30),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("k", 1_000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
];
/// Larger is a mistake: 64 TiB.
const SIZE_MAX: u64 = 1 << 46;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_number_and_a_unit() {
        let cases = [
            ("0", Some(0)),
            ("512", Some(512)),
            ("256KiB", Some(262_144)),
            ("3.5MiB", Some(3_670_016)),
            ("64Mi", Some(67_108_864)),
            ("1 GB", Some(1_000_000_000)),
            ("35.2MiB", Some(36_909_875)),
            ("1.5B", None),
            ("-1", None),
            ("MiB", None),
            ("1TiBB", None),
            ("1.2.3KiB", None),
            ("99999999999999999999", None),
            ("99999999GiB", None),
        ];
        for (text, bytes) in cases {
            assert_eq!(Size::parse(text), bytes.map(Size), "{text}");
        }
    }

    #[test]
    fn a_size_is_shown_in_the_unit_a_person_would_choose() {
        let shown = [0, 1023, 1024, 3_670_016, 36_909_875, 1 << 30].map(|bytes| Size(bytes).to_string());
        assert_eq!(shown, ["0B", "1023B", "1KiB", "3.5MiB", "35.2MiB", "1GiB"]);
    }
}
