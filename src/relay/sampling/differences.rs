//! Where the Collector's code and its documentation say different things, and what happens here. Each entry is named by
//! the policy that it is about, where it is implemented: a configuration that meets one is told so.

use std::fmt::Write;

/// One difference between `compat: otelcol` and `compat: strict`.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference {
    /// The type of policy, or what else it is about.
    pub policy: &'static str,
    /// What version 0.161 of the Collector does, and `compat: otelcol` with it; a sentence without its beginning.
    pub otelcol: &'static str,
    /// What `compat: strict` does.
    pub strict: &'static str,
}

macro_rules! differences {
    ($($name:ident: $policy:literal, $otelcol:literal, $strict:literal;)*) => {
        $(
            #[doc = concat!("`", $policy, "`: ", $otelcol, "; strict: ", $strict, ".")]
            pub const $name: Difference = Difference { policy: $policy, otelcol: $otelcol, strict: $strict };
        )*

        /// All of them, in the order of the page.
        pub const DIFFERENCES: &[&Difference] = &[$(&$name),*];
    };
}

differences! {
    LATENCY_WINDOW: "latency",
        "the bounds are asked after each span, so that one short early child puts a long trace into a window",
        "the whole trace is compared";
    LATENCY_MILLIS: "latency",
        "what is below a millisecond is cut off: 500.9 ms are not more than 500; a start time of 0 is half a century ago",
        "nanoseconds count, and a start time of 0 is unknown";
    PROBABILISTIC_HASH: "probabilistic",
        "a hash of `hash_salt` and the trace id decides, which tells nobody downstream what a kept trace stands for",
        "the randomness of the trace decides, `th` says so, and `hash_salt` has no effect";
    NUMERIC_KINDS: "numeric_attribute",
        "a double, a text or anything else that is no whole number is read as 0",
        "doubles are compared as numbers, and what is no number matches nothing";
    NUMERIC_ZERO_BOUND: "numeric_attribute",
        "a bound of 0 is no bound",
        "a bound of 0 is a bound";
    BOOLEAN_KINDS: "boolean_attribute",
        "whatever is no truth is read as false, and matches `value: false`",
        "only truths match";
    STRING_KINDS: "string_attribute",
        "on a resource, a value that is no text is read as an empty one, which a pattern may match",
        "only texts match";
    STRING_EMPTY_PATTERN: "string_attribute",
        "an empty pattern matches everything",
        "an empty value matches nothing";
    ATTRIBUTE_TWICE: "attributes",
        "of a key that comes twice in one span, the first counts",
        "the last counts, as with everything that is written twice";
    STATE_GRAMMAR: "trace_state",
        "a tracestate with a key that begins with a digit cannot be read",
        "it is read, as W3C Trace Context level 2 has it";
    LIMITS_LAST: "rate_limiting, bytes_limiting, composite",
        "each limit is asked in its turn, and pays for traces that others keep too, or that the rest of an `and` refuses",
        "each limit is asked last, and pays only for what nobody else keeps";
    COMPOSITE_ORDER: "composite",
        "`policy_order` is read and not used: policies are asked as they stand",
        "policies are asked in `policy_order`";
    COMPOSITE_FALL_THROUGH: "composite",
        "the first policy that wants a trace decides alone: when its share is spent, the trace goes",
        "the next policy that wants it may have room for it";
    COMPOSITE_TOTAL: "composite",
        "`max_total_spans_per_second` bounds each policy, so that together they may exceed it",
        "it is the total of all of them";
    COMPOSITE_SHARE: "composite",
        "a policy without `rate_allocation` has the total divided by the number of policies",
        "it has an equal part of what the others leave";
    FIRST_MATCH: "sample_on_first_match",
        "policies behind the first match are not asked, so that limits among them keep what they hold",
        "it has no effect: limits are asked last anyway";
    TRACESTATE: "tracestate",
        "no `th` is written, whatever has decided",
        "kept spans carry the `th` that they were kept by, where there is one";
}

const HEAD: &str = "\
# Where we differ from the Collector

`sampling.compat: strict`, the default, does what the documentation of the OpenTelemetry Collector's tail sampling processor
says. `sampling.compat: otelcol` does what version 0.161 of it does, bug for bug. `tailwater validate` names each line of this
table that a configuration meets.

| About | `otelcol` | `strict` |
|---|---|---|
";

/// The page that `DIFFERENCES.md` holds.
pub fn page() -> String {
    let mut out = String::from(HEAD);
    for difference in DIFFERENCES {
        let Difference { policy, otelcol, strict } = difference;
        writeln!(out, "| `{policy}` | {otelcol} | {strict} |").expect("writing to a String cannot fail");
    }
    out
}
