//! Whatever is written, reading it ends, and what is taken is valid.

use proptest::prelude::*;

use super::*;

/// Text made of what configurations are made of, so that much of it is nearly right.
fn nearly_yaml() -> impl Strategy<Value = String> {
    let words: Vec<&'static str> = reference_words();
    let part = prop_oneof![
        6 => prop::sample::select(words),
        1 => "[ -~]{0,6}".prop_map(|text| &*Box::leak(text.into_boxed_str())),
    ];
    prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

fn reference_words() -> Vec<&'static str> {
    let mut words = vec![
        ": ",
        "\n",
        "\n  ",
        "\n    - ",
        "- ",
        "{",
        "}",
        "[",
        "]",
        ", ",
        "&a ",
        "*a",
        "<<: ",
        "\"",
        "'",
        "null",
        "auto",
        "75%",
        "5s",
        "64MiB",
        "0.1",
        "1e999",
        "-1",
        "NaN",
        "always_sample",
        "name: ",
        "type: ",
        "é",
        "\t",
        "|",
        "---\n",
        "#",
        "!!str ",
        "?",
        "http://j:4317",
        "127.0.0.1:4317",
        "99999999999999999999",
    ];
    words.extend(crate::config::reference::keys().flat_map(|key| key.path.split('.')));
    words
}

/// Whether all of it says what would be right.
fn helpful(rejected: &Rejected) -> bool {
    let said = |problem: &Problem| !problem.help.is_empty() && problem.help.iter().all(|line| !line.is_empty());
    !rejected.problems.is_empty() && rejected.problems.iter().all(said)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn no_file_makes_reading_panic(text in nearly_yaml()) {
        match Config::load(&file(&text)) {
            Ok(config) => prop_assert!(config.tail.is_some() || config.sampling.ratio.is_some()),
            Err(rejected) => prop_assert!(helpful(&rejected), "{rejected}"),
        }
    }

    #[test]
    fn no_value_of_any_key_makes_reading_panic(index in 0..crate::config::reference::keys().count(), value in nearly_yaml()) {
        let key = crate::config::reference::keys().nth(index).unwrap();
        let name = format!("TAILWATER__{}", key.path.replace('.', "__").to_uppercase());
        if let Err(rejected) = Config::load(&environment(&[(&name, &value)])) {
            prop_assert!(helpful(&rejected), "{rejected}");
        }
    }

    #[test]
    fn no_standard_variable_makes_reading_panic(value in "\\PC{0,20}", suffix in prop::sample::select(
        vec!["ENDPOINT", "HEADERS", "COMPRESSION", "TIMEOUT", "CERTIFICATE", "INSECURE", "PROTOCOL"]
    )) {
        // A bad one is passed over. Only being our own door is a contradiction between two that are right.
        if let Err(rejected) = Config::load(&environment(&[(&format!("OTEL_EXPORTER_OTLP_{suffix}"), &value)])) {
            prop_assert!(rejected.problems.iter().all(|problem| problem.message.contains("is our own `")), "{rejected}");
        }
    }
}
