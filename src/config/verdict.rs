//! What only shows when all sections are seen together: contradictions, things probably not meant, and how it came out.

use std::net::{IpAddr, SocketAddr};

use crate::config::layers::Layered;
use crate::config::problem::Problem;
use crate::config::reference::{self, Kind};
use crate::config::size::Size;
use crate::config::tail_sampling::Rule;
use crate::config::{Config, Effective, sampling, upstream, written};
use crate::exporter::Endpoint;
use crate::relay::sampling::compat::Compat;

/// What cannot be true at the same time.
pub(super) fn contradictions(config: &Config, layered: &Layered, problems: &mut Vec<Problem>) {
    sizes(config, layered, problems);
    doors(config, layered, problems);
    if let Some((path, listen)) = own_door(config) {
        let at = written(layered, "upstream.endpoint");
        let message = format!(
            "the upstream {} is our own `{path}` ({listen}), which delivers to nobody",
            config.upstream.endpoint
        );
        problems.push(Problem::at(at, message).help(
            "the usual cause is an OTEL_EXPORTER_OTLP_ENDPOINT set for the whole pod, which is meant for the app alone: give \
             this container its own upstream",
        ));
    }
    if let Some(problem) = config.memory.limit.and_then(|limit| config.ceiling().check(limit)) {
        problems.push(Problem { at: written(layered, "memory.budget"), ..problem });
    }
}

/// There is nowhere to send spans to, and the three ways to change that.
pub(super) fn no_upstream(warnings: &[String]) -> Problem {
    let problem = Problem::nowhere("no upstream is set: there is nowhere to send spans to")
        .help("by flag:        --upstream http://jaeger-collector.tracing:4317")
        .help("by environment: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://jaeger-collector.tracing:4317")
        .help("by file:        upstream: {endpoint: \"http://jaeger-collector.tracing:4317\"}");
    // Whoever set one that was passed over is to hear of it here, for warnings are told only of what runs.
    let passed_over = warnings.iter().filter(|warning| warning.contains("ENDPOINT is passed over"));
    passed_over.fold(problem, |problem, warning| problem.help(warning))
}

/// Parts that are larger than what they are a part of.
fn sizes(config: &Config, layered: &Layered, problems: &mut Vec<Problem>) {
    let budget = ("memory.budget", config.memory.budget);
    let queue = ("queue.max_size", config.queue.max_size);
    let pairs = [
        (
            ("receiver.max_request_size", config.receiver.max_request_size),
            budget,
            "no request that large could ever be taken",
        ),
        (queue, budget, "waiting batches are part of the budget"),
        (("sampling.remember", config.sampling.remember), budget, "remembered decisions are part of the budget"),
        (("sampling.trace_size_max", config.sampling.trace_size_max), budget, "waiting traces are part of the budget"),
        (("batch.max_size", config.batch.max_size), queue, "no batch that large could ever wait"),
    ];
    for ((part, part_size), (whole, whole_size), why) in pairs {
        if part_size <= whole_size {
            continue;
        }
        let (part_shown, whole_shown) = (Size(part_size as u64), Size(whole_size as u64));
        let message = format!("`{part}` ({part_shown}) is more than `{whole}` ({whole_shown}): {why}");
        let at = written(layered, part).or_else(|| written(layered, whole));
        problems.push(Problem::at(at, message).help(format!("at most {whole_shown}")));
    }
    if config.memory.budget <= config.sampling.remember {
        let message = "`sampling.remember` takes the whole budget: nothing is left for spans";
        let problem = Problem::at(written(layered, "sampling.remember"), message);
        problems.push(problem.help("auto, which is an eighth of the budget; or a size or share of about that much"));
    }
}

/// Two doors at one address.
fn doors(config: &Config, layered: &Layered, problems: &mut Vec<Problem>) {
    let mut doors: Vec<(&str, SocketAddr)> = receiver_doors(config).collect();
    for (path, addr) in operator_doors(config) {
        if let Some((other, taken)) = doors.iter().find(|(_, other)| clash(*other, addr)) {
            let message = format!("`{path}` ({addr}) and `{other}` ({taken}) are the same door");
            let at = written(layered, path).or_else(|| written(layered, other));
            problems.push(Problem::at(at, message).help("give each a port of its own"));
        }
        doors.push((path, addr));
    }
}

fn receiver_doors(config: &Config) -> impl Iterator<Item = (&'static str, SocketAddr)> {
    config.receiver.listen.iter().map(|listen| ("receiver.listen", listen.addr))
}

fn operator_doors(config: &Config) -> [(&'static str, SocketAddr); 2] {
    [("admin.listen", config.admin.listen), ("control.listen", config.control.listen)]
}

/// Whether two addresses cannot be listened on at once.
pub(super) fn clash(left: SocketAddr, right: SocketAddr) -> bool {
    let same_family = left.is_ipv4() == right.is_ipv4();
    let same_address = left.ip() == right.ip() || left.ip().is_unspecified() || right.ip().is_unspecified();
    left.port() != 0 && left.port() == right.port() && same_family && same_address
}

/// The door of our own that the upstream is, if it is one.
fn own_door(config: &Config) -> Option<(&'static str, SocketAddr)> {
    let upstream = Endpoint::parse(&config.upstream.endpoint).ok()?;
    let (host, port) = (upstream.host(), upstream.port());
    let here = host.trim_end_matches('.').eq_ignore_ascii_case("localhost");
    let ip: Option<IpAddr> = host.parse().ok();
    receiver_doors(config).chain(operator_doors(config)).find(|(_, addr)| {
        let local = addr.ip().is_loopback() || addr.ip().is_unspecified();
        let meets = match ip {
            Some(ip) if ip.is_loopback() || ip.is_unspecified() => local,
            Some(ip) => ip == addr.ip(),
            None => here && local,
        };
        port != 0 && addr.port() == port && meets
    })
}

/// What is allowed and probably not meant.
pub(super) fn warnings(config: &Config, layered: &Layered) -> Vec<String> {
    let mut warnings = Vec::new();
    let plain = Endpoint::parse(&config.upstream.endpoint).is_ok_and(|endpoint| !endpoint.tls());
    if plain && config.upstream.tls != upstream::TlsConfig::default() {
        warnings.push("upstream.tls has no effect: the endpoint is http://".into());
    }
    if config.sampling.ratio.as_ref().is_some_and(|ratio| ratio.share == 0.0) {
        warnings.push("sampling.ratio is 0: no span will be kept".into());
    }
    warnings.extend(sampling::without_effect(&config.sampling, layered));
    let vetoes_only = |policies: &[_]| {
        policies.iter().all(|policy: &super::tail_sampling::PolicySpec| matches!(policy.rule, Rule::Drop(_)))
    };
    if config.tail.as_ref().is_some_and(|tail| vetoes_only(&tail.policies)) {
        warnings.push("tail_sampling.policies only drop: no trace will be kept; add always_sample for the rest".into());
    }
    if config.tail.is_none() && !layered.is_default("tail_sampling.decision_wait") {
        warnings.push(
            "tail_sampling.decision_wait has no effect: there are no policies, and a ratio waits for nothing".into(),
        );
    }
    let strict = config.sampling.compat == Compat::Strict;
    if config.tail.as_ref().is_some_and(|tail| tail.sample_on_first_match) && strict {
        warnings.push("tail_sampling.sample_on_first_match has no effect: it is for sampling.compat: otelcol".into());
    }
    if config.tail.is_none() && !strict {
        warnings.push("sampling.compat has no effect: there are no policies".into());
    }
    if COMMON_RECEIVE_LIMIT < config.batch.max_size {
        warnings.push("batch.max_size is above 4MiB, which many collectors refuse".into());
    }
    if config.upstream.endpoint.is_empty() {
        warnings.push("no upstream is set here: --upstream or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT must do it".into());
    }
    warnings
}

/// How spans are sampled, in one line.
pub(super) fn sampling_choice(config: &Config) -> String {
    let ratio = config.sampling.ratio.as_ref().map(|ratio| format!("ratio {} ({})", ratio.share, ratio.mode.name()));
    let tail = config.tail.as_ref().map(|tail| {
        if config.preset {
            return "preset: failed traces, those slower than 500 ms, 10 % of the rest".into();
        }
        let names: Vec<&str> = tail.policies.iter().map(|policy| policy.name.as_str()).collect();
        format!("tail sampling by {}", names.join(", "))
    });
    [ratio, tail].into_iter().flatten().collect::<Vec<_>>().join(", then ")
}

/// Every key with its value and origin.
pub(super) fn effective(config: &Config, layered: &Layered) -> Vec<Effective> {
    let keys = reference::keys().filter(|key| !matches!(key.kind, Kind::Foreign(_)));
    keys.map(|key| {
        let shown = layered.shown(key.path);
        let origin = shown.as_ref().map_or_else(|| "not set".to_owned(), |(_, origin)| origin.clone());
        let mut value = match (key.kind, shown) {
            (_, None) => "-".into(),
            (Kind::Headers, Some(_)) => {
                let names: Vec<String> =
                    config.upstream.headers.iter().map(|(name, _)| format!("{name}: (hidden)")).collect();
                format!("{{{}}}", names.join(", "))
            }
            (_, Some((value, _))) => value,
        };
        if let Some(size) = resolved(config, key.path)
            && Size::parse(&value) != Some(Size(size as u64))
        {
            value = format!("{value} = {}", Size(size as u64));
        }
        Effective { key: key.path.into(), value, origin }
    })
    .collect()
}

/// What came of a key that may be left to us, be a share, or be made to fit.
fn resolved(config: &Config, path: &str) -> Option<usize> {
    match path {
        "memory.budget" => Some(config.memory.budget),
        "receiver.max_request_size" => Some(config.receiver.max_request_size),
        "sampling.remember" => Some(config.sampling.remember),
        "sampling.trace_size_max" => Some(config.sampling.trace_size_max),
        "batch.max_size" => Some(config.batch.max_size),
        "queue.max_size" => Some(config.queue.max_size),
        _ => None,
    }
}

/// What many collectors take in one message, in bytes.
const COMMON_RECEIVE_LIMIT: usize = 4 << 20;
