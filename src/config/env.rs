//! Settings from the environment and from flags, as trees like a file's. Ours are `TAILWATER__SECTION__KEY`, with double
//! underscores: names such as `TAILWATER_PORT`, which Kubernetes injects for a Service of that name, are not ours. The
//! standard's are those of an exporter; a bad value there is a warning and is passed over, as the standard asks.

use crate::config::node::{Entry, Node, Value};
use crate::config::place::{At, Name, Sources};
use crate::config::problem::Problem;
use crate::config::reference::{self, Kind};
use crate::config::{upstream, yaml};

/// What stands in variables of our own.
pub fn own(environment: &[(String, String)], sources: &mut Sources, problems: &mut Vec<Problem>) -> Node {
    let whole = sources.add(Name::Default, "");
    let mut root = Node::empty(sources.whole(whole));
    let mut ours: Vec<_> = environment.iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
    ours.sort();
    for (name, value) in ours {
        let (key_at, value_at) = assignment(sources, Name::Variable(name.clone()), name, value);
        let path = name[PREFIX.len()..].to_lowercase();
        let words: Vec<&str> = path.split("__").collect();
        if words.contains(&"") {
            let problem = Problem::at(key_at, format!("`{name}` does not name a key"));
            problems.push(problem.help("TAILWATER__SECTION__KEY, such as TAILWATER__UPSTREAM__ENDPOINT"));
            continue;
        }
        let path = words.join(".");
        let node = match takes_yaml(&path, value) {
            true => yaml::read(sources, value_at, problems),
            false => Some(Node::plain(value_at, value)),
        };
        let Some(node) = node else { continue };
        match root.contradicts(&words, &node) {
            Some(other) => problems.push(twice(name, key_at, &sources.origin(other))),
            None => root.put(&words, key_at, node),
        }
    }
    root
}

/// Two variables about one key, of which neither stands above the other.
fn twice(name: &str, at: At, other: &str) -> Problem {
    Problem::at(at, format!("`{name}` and `{other}` say the same key in two ways")).help("remove one of the two")
}

/// What a flag says about one key.
pub fn flag(sources: &mut Sources, flag: &str, path: &str, value: &str) -> Node {
    let (key_at, value_at) = assignment(sources, Name::Flag(flag.into()), flag, value);
    let mut root = Node::empty(key_at);
    root.put(&path.split('.').collect::<Vec<_>>(), key_at, Node::plain(value_at, value));
    root
}

/// Adds `name=value` as a source: the places of both.
fn assignment(sources: &mut Sources, place: Name, name: &str, value: &str) -> (At, At) {
    let source = sources.add(place, format!("{name}={value}"));
    let start = name.len() + 1;
    (At { source, start: 0, end: name.len() }, At { source, start, end: start + value.len() })
}

/// Whether a variable's value is a list or a map and therefore read as YAML (JSON is YAML too).
fn takes_yaml(path: &str, value: &str) -> bool {
    match reference::key(path).map(|key| key.kind) {
        Some(Kind::Addresses | Kind::Headers | Kind::Policies | Kind::Foreign(_)) => true,
        Some(Kind::Share) => value.trim_start().starts_with('{'),
        Some(_) => false,
        None => reference::is_section(path),
    }
}

/// What the standard's exporter variables say about the upstream.
pub fn standard(environment: &[(String, String)], sources: &mut Sources, warnings: &mut Vec<String>) -> Node {
    let whole = sources.add(Name::Default, "");
    let mut root = Node::empty(sources.whole(whole));
    let insecure = lookup(environment, "INSECURE").is_some_and(|(_, value)| value.eq_ignore_ascii_case("true"));
    for (suffix, path) in STANDARD {
        let Some((name, value)) = lookup(environment, suffix) else { continue };
        let (key_at, at) = assignment(sources, Name::Variable(name.clone()), &name, &value);
        match translate(suffix, at, &value, insecure) {
            Ok((node, bent)) => {
                warnings.extend(bent.into_iter().map(|warning| format!("{name}: {warning}")));
                root.put(&path.split('.').collect::<Vec<_>>(), key_at, node);
            }
            Err(why) => warnings.push(format!("{name} is passed over: {why}")),
        }
    }
    if let Some((name, value)) = lookup(environment, "PROTOCOL")
        && value != "grpc"
    {
        warnings.push(format!("{name}={value}: the upstream is spoken to in gRPC; its port is usually 4317"));
    }
    root
}

/// A standard variable, the one for traces before the one for everything; empty is unset.
fn lookup(environment: &[(String, String)], suffix: &str) -> Option<(String, String)> {
    ["OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_"].iter().find_map(|prefix| {
        let name = format!("{prefix}{suffix}");
        let found = environment.iter().find(|(other, value)| *other == name && !value.trim().is_empty());
        found.map(|(name, value)| (name.clone(), value.trim().to_owned()))
    })
}

/// A standard value as one of ours, with what was bent to make it one; or why it cannot be.
fn translate(suffix: &str, at: At, value: &str, insecure: bool) -> Result<(Node, Vec<String>), String> {
    match suffix {
        "ENDPOINT" => endpoint(at, value, insecure),
        "HEADERS" => headers(at, value),
        "COMPRESSION" if ["gzip", "none"].contains(&value) => Ok((Node::plain(at, value), Vec::new())),
        "COMPRESSION" => Err(format!("`{value}` is neither gzip nor none")),
        "TIMEOUT" => match value.parse::<u64>() {
            Ok(millis) if (10..=600_000).contains(&millis) => Ok((Node::plain(at, format!("{millis}ms")), Vec::new())),
            Ok(_) | Err(_) => Err(format!("`{value}` is not a number of milliseconds from 10 to 600000")),
        },
        _ => Ok((Node::plain(at, value), Vec::new())),
    }
}

/// An endpoint as gRPC exporters read it: without a scheme, INSECURE says which; a path means nothing.
fn endpoint(at: At, value: &str, insecure: bool) -> Result<(Node, Vec<String>), String> {
    if value.starts_with("unix:") {
        return Err("a unix socket is not supported".into());
    }
    let mut url = value.to_owned();
    let mut bent = Vec::new();
    if !value.contains("://") {
        let scheme = if insecure { "http" } else { "https" };
        url = format!("{scheme}://{value}");
        bent.push(format!("without a scheme it is taken as {url}"));
    }
    let dropped = url.split_off(upstream::split_path(&url).0.len());
    if !matches!(&*dropped, "" | "/") {
        // As in `check_endpoint`, what follows the path is not repeated.
        let path = dropped.split(['?', '#']).next().unwrap_or_default();
        bent.push(format!("the path {} is left out, gRPC has its own", if path.is_empty() { "?…" } else { path }));
    }
    let node = Node::plain(at, url.as_str());
    upstream::check_endpoint(&node, &url).map_err(|problem| problem.message)?;
    Ok((node, bent))
}

/// `name=value,name=value`, values percent-encoded; a pair that cannot be sent is left out.
fn headers(at: At, value: &str) -> Result<(Node, Vec<String>), String> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut bent = Vec::new();
    for pair in value.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let Some((name, value)) = pair.split_once('=') else {
            return Err("it is not name=value,name=value".into());
        };
        let key = name.trim().to_ascii_lowercase();
        let value = decode(value.trim()).ok_or("a value in it is not percent-encoded text")?;
        let entry = Entry { key, key_at: at, node: Node { at, value: Value::Scalar { text: value, quoted: true } } };
        entries.retain(|other| other.key != entry.key);
        let alone = Node { at, value: Value::Map(vec![entry.clone()]) };
        match upstream::check_headers(&alone).pop() {
            Some(problem) => bent.push(format!("a pair is left out: {}", problem.message)),
            None => entries.push(entry),
        }
    }
    Ok((Node { at, value: Value::Map(entries) }, bent))
}

/// Percent-encoded text, decoded.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &tail[2..];
    }
    String::from_utf8(bytes).ok()
}

/// What our own variables begin with.
const PREFIX: &str = "TAILWATER__";
/// The standard's variables, and our keys for them.
const STANDARD: [(&str, &str); 7] = [
    ("ENDPOINT", "upstream.endpoint"),
    ("HEADERS", "upstream.headers"),
    ("COMPRESSION", "upstream.compression"),
    ("TIMEOUT", "upstream.timeout"),
    ("CERTIFICATE", "upstream.tls.ca_file"),
    ("CLIENT_KEY", "upstream.tls.key_file"),
    ("CLIENT_CERTIFICATE", "upstream.tls.cert_file"),
];
