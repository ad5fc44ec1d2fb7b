//! `--name value` flags with defaults, and nothing more: the driver is the only one who writes them.

use std::collections::HashMap;
use std::str::FromStr;

/// The flags a program was started with.
pub struct Args {
    given: HashMap<String, String>,
    used: Vec<String>,
}

impl Args {
    /// The flags of this process. A flag without a value, or a word that is no flag, is an error.
    pub fn from_env() -> Result<Args, String> {
        Args::parse(std::env::args().skip(1))
    }

    fn parse(mut words: impl Iterator<Item = String>) -> Result<Args, String> {
        let mut given = HashMap::new();
        while let Some(word) = words.next() {
            let name = word
                .strip_prefix("--")
                .ok_or_else(|| format!("`{word}` is not a flag"))?;
            let value = words.next().ok_or_else(|| format!("`--{name}` needs a value"))?;
            given.insert(name.to_owned(), value);
        }
        Ok(Args {
            given,
            used: Vec::new(),
        })
    }

    /// The value of a flag, or its default.
    pub fn get<T: FromStr>(&mut self, name: &str, default: T) -> Result<T, String> {
        Ok(self.find(name)?.unwrap_or(default))
    }

    /// The value of a flag that has no default.
    pub fn need<T: FromStr>(&mut self, name: &str) -> Result<T, String> {
        self.find(name)?.ok_or_else(|| format!("`--{name}` is missing"))
    }

    /// Fails when a flag was given that nobody asked for.
    pub fn finish(self) -> Result<(), String> {
        match self.given.keys().find(|name| !self.used.contains(name)) {
            Some(name) => Err(format!("`--{name}` is unknown")),
            None => Ok(()),
        }
    }

    fn find<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, String> {
        self.used.push(name.to_owned());
        let Some(text) = self.given.get(name) else {
            return Ok(None);
        };
        text.parse()
            .map(Some)
            .map_err(|_| format!("`--{name} {text}` cannot be read"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(words: &[&str]) -> Result<Args, String> {
        Args::parse(words.iter().map(|word| (*word).to_owned()))
    }

    #[test]
    fn a_flag_nobody_asked_for_is_an_error() {
        let mut args = args(&["--rate", "10", "--raet", "20"]).unwrap();
        assert_eq!(args.get("rate", 0), Ok(10));
        assert_eq!(args.finish(), Err("`--raet` is unknown".to_owned()));
    }

    #[test]
    fn a_value_that_cannot_be_read_is_an_error_and_a_missing_one_is_the_default() {
        let mut args = args(&["--rate", "fast"]).unwrap();
        assert_eq!(args.get("rate", 0), Err("`--rate fast` cannot be read".to_owned()));
        assert_eq!(args.get("seed", 7), Ok(7));
        assert_eq!(args.need::<u64>("to"), Err("`--to` is missing".to_owned()));
    }
}
