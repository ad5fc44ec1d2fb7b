//! `sampling.compat`: which way policies are read, and what is said of it.

use super::*;
use crate::relay::sampling::compat::Compat;
use crate::relay::sampling::differences;

const POLICIES: &str = "tail_sampling: {policies: [{name: a, type: latency, latency: {threshold_ms: 5}}]}";

#[test]
fn policies_are_read_as_documented_unless_asked_otherwise() {
    assert_eq!(load(&file(POLICIES)).sampling.compat, Compat::Strict);
    let otelcol = load(&file(&format!("sampling: {{compat: otelcol}}\n{POLICIES}")));
    assert_eq!(otelcol.sampling.compat, Compat::Otelcol);
    let said = rejected(&file("sampling: {compat: otelcl}")).to_string();
    assert!(said.contains("did you mean `otelcol`?"), "{said}");
}

#[test]
fn each_difference_that_a_block_meets_is_named_with_its_place() {
    let notes = |text: &str| load(&file(text)).notes;
    let strict = notes(POLICIES);
    let begins = "`tail_sampling.policies[0].latency` differs from the Collector: there, what is below a millisecond";
    assert!(strict[0].starts_with(begins), "{strict:#?}");
    let otelcol = notes(&format!("sampling: {{compat: otelcol}}\n{POLICIES}"));
    let begins = "`tail_sampling.policies[0].latency` does as the Collector: what is below a millisecond";
    assert!(otelcol[0].starts_with(begins), "{otelcol:#?}");
    assert_eq!(load(&Inputs::default()).notes.len(), 0, "of the preset nothing is to be compared");
}

#[test]
fn a_policy_that_leaves_nothing_to_the_others_is_a_warning() {
    let text = "tail_sampling: {policies: [{name: a, type: always_sample}, {name: b, type: trace_flags}]}";
    let warnings = load(&file(text)).warnings;
    assert!(
        warnings.iter().any(|warning| warning.contains("`tail_sampling.policies[0]` keeps every trace")),
        "{warnings:?}"
    );
}

#[test]
fn what_only_the_collectors_way_uses_is_a_warning_without_it() {
    let with = |compat: &str| {
        let policies = "policies: [{name: a, type: trace_flags}]";
        load(&file(&format!(
            "sampling: {{compat: {compat}}}\ntail_sampling: {{sample_on_first_match: true, {policies}}}"
        )))
    };
    let has_no_effect =
        |config: &Config| config.warnings.iter().any(|warning| warning.contains("sample_on_first_match has no effect"));
    assert!(has_no_effect(&with("strict")) && !has_no_effect(&with("otelcol")));
    assert!(with("otelcol").tail.unwrap().sample_on_first_match);
    let ratio = load(&file("sampling: {compat: otelcol, ratio: 0.5}"));
    assert!(
        ratio.warnings.iter().any(|warning| warning.contains("sampling.compat has no effect")),
        "{:?}",
        ratio.warnings
    );
}

#[test]
fn the_page_of_differences_is_in_step_with_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/relay/sampling/DIFFERENCES.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, differences::page()).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(written, differences::page(), "run this test with BLESS=1 to write it anew");
}
