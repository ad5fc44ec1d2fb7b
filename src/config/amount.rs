//! An amount of bytes as written: a size, a share of the budget, or left to us.

use serde::Deserialize;

use crate::config::size::Size;

/// An amount as written.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub enum Amount {
    /// Left to us.
    Auto,
    /// So much.
    Bytes(Size),
    /// A share of the budget, in percent above 0 up to 100.
    Percent(f64),
}

impl Amount {
    /// Reads an amount; none if it is not one.
    pub fn parse(text: &str) -> Option<Amount> {
        if text == "auto" {
            return Some(Amount::Auto);
        }
        match text.strip_suffix('%') {
            Some(number) => {
                let percent = number.trim().parse::<f64>().ok()?;
                (0.0 < percent && percent <= 100.0).then_some(Amount::Percent(percent))
            }
            None => Size::parse(text).map(Amount::Bytes),
        }
    }
}

impl TryFrom<String> for Amount {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Amount, &'static str> {
        Amount::parse(&text).ok_or("not an amount")
    }
}

/// `percent` of the budget, in bytes.
pub fn share_of(budget: usize, percent: f64) -> usize {
    (budget as f64 * percent / 100.0) as usize
}
