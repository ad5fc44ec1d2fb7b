//! What a configuration promises.

mod compat;
mod deploy;
mod errors;
mod help;
mod layering;
mod meaning;
mod random;
mod secrets;

use super::*;

/// A file on its own, with an upstream so that nothing else is missing.
fn file(text: &str) -> Inputs {
    Inputs { file: Some(("tailwater.yaml".into(), text.into())), ..Inputs::default() }
}

fn environment(pairs: &[(&str, &str)]) -> Inputs {
    let environment = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Inputs { environment, ..Inputs::default() }
}

#[track_caller]
fn load(inputs: &Inputs) -> Config {
    Config::load(inputs).unwrap_or_else(|rejected| panic!("{rejected}"))
}

#[track_caller]
fn rejected(inputs: &Inputs) -> Rejected {
    Config::load(inputs).expect_err("this must not be taken")
}

/// Value and origin of a key.
#[track_caller]
fn effective(config: &Config, key: &str) -> (String, String) {
    let found = config.effective.iter().find(|effective| effective.key == key).expect("every key is listed");
    (found.value.clone(), found.origin.clone())
}
