//! Every key, documented once: what it takes, what it is when nobody says, and what it does. The reader, the checks, the
//! defaults and `tailwater config` all work from these tables.

use crate::config::{admin, batch, control, log, memory, queue, receiver, sampling, shutdown, tail_sampling, upstream};

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its path, such as `batch.delay`.
    pub path: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What it is when nobody says, as YAML; none where unset means something of its own.
    pub default: Option<&'static str>,
    /// What it does, in a sentence or two.
    pub doc: &'static str,
}

/// What a key takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A list of `address:port`.
    Addresses,
    /// One `address:port`.
    Address,
    /// Bytes between two bounds, `auto` where allowed, a share of the budget where allowed.
    Size {
        /// Least, in bytes.
        min: u64,
        /// Most, in bytes.
        max: u64,
        /// Whether `auto` is a value.
        auto: bool,
        /// Whether `75%` is a value.
        percent: bool,
    },
    /// A length of time between two bounds in milliseconds.
    Duration {
        /// Least, in milliseconds.
        min: u64,
        /// Most, in milliseconds.
        max: u64,
    },
    /// A whole number between two bounds.
    Integer {
        /// Least.
        min: u64,
        /// Most.
        max: u64,
    },
    /// A share between 0 and 1.
    Share,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Any text.
    Text,
    /// A name that a certificate can be for.
    ServerName,
    /// A collector's URL.
    Endpoint,
    /// Names and values sent with every request.
    Headers,
    /// The Collector's list of policies.
    Policies,
    /// A key of the Collector's block that has no meaning here; the text says what takes its place.
    Foreign(&'static str),
}

impl Kind {
    /// What it takes, in a few words.
    pub fn expects(&self) -> String {
        match self {
            Kind::Addresses => r#"a list of addresses with port, such as ["127.0.0.1:4317", "[::1]:4317"]"#.into(),
            Kind::Address => r#"an address with port, such as "127.0.0.1:4319""#.into(),
            Kind::Size { auto, percent, .. } => {
                let mut text = String::from("a size, such as 256KiB or 64MiB");
                if *percent {
                    text.push_str(", or a share of the budget, such as 75%");
                }
                if *auto {
                    text.push_str(", or auto");
                }
                text
            }
            Kind::Duration { .. } => "a number with its unit, such as 200ms, 5s or 10m".into(),
            Kind::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Kind::Share => "a share between 0 and 1, such as 0.1 for 10 %".into(),
            Kind::Choice(words) => format!("one of {}", words.join(", ")),
            Kind::Text => "text".into(),
            Kind::ServerName => r#"a host's name or IP address, such as "jaeger.example.com""#.into(),
            Kind::Endpoint => {
                r#"a URL with scheme, host and port, such as "http://jaeger-collector.tracing:4317""#.into()
            }
            Kind::Headers => "names and values, such as {authorization: \"Bearer abc\"}".into(),
            Kind::Policies => "a list of policies, such as [{name: all, type: always_sample}]".into(),
            Kind::Foreign(_) => "what the Collector takes".into(),
        }
    }
}

/// All keys, section by section, in the order of the reference.
pub fn keys() -> impl Iterator<Item = &'static Key> {
    let sections: [&'static [Key]; 11] = [
        receiver::KEYS,
        memory::KEYS,
        sampling::KEYS,
        tail_sampling::KEYS,
        batch::KEYS,
        queue::KEYS,
        upstream::KEYS,
        admin::KEYS,
        control::KEYS,
        shutdown::KEYS,
        log::KEYS,
    ];
    sections.into_iter().flatten()
}

/// The key with this path.
pub fn key(path: &str) -> Option<&'static Key> {
    keys().find(|key| key.path == path)
}

/// Whether there are keys below this path.
pub fn is_section(path: &str) -> bool {
    keys().any(|key| key.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}

/// The words that may stand right below a path (the empty path is the top), in order.
pub fn words_below(path: &str) -> Vec<&'static str> {
    let mut words: Vec<&'static str> = Vec::new();
    for key in keys() {
        let rest = if path.is_empty() {
            Some(key.path)
        } else {
            key.path.strip_prefix(path).and_then(|rest| rest.strip_prefix('.'))
        };
        let word = rest.and_then(|rest| rest.split('.').next());
        if let Some(word) = word
            && !words.contains(&word)
        {
            words.push(word);
        }
    }
    words
}

/// What would be right in place of a word that means nothing below this path.
pub fn suggest(path: &str, word: &str) -> String {
    let words = words_below(path);
    if let Some(near) = nearest(word, &words) {
        return format!("did you mean `{near}`?");
    }
    let elsewhere: Vec<&str> =
        keys().filter(|key| key.path.rsplit('.').next() == Some(word)).map(|key| key.path).collect();
    if !elsewhere.is_empty() {
        return format!("the key of that name is `{}`", elsewhere.join("` or `"));
    }
    format!("what may stand here: {}", words.join(", "))
}

/// The word most like this one, if one is like it.
pub fn nearest<'a>(word: &str, words: &[&'a str]) -> Option<&'a str> {
    if WORD_MAX < word.len() {
        return None;
    }
    let word = word.to_lowercase().replace('-', "_");
    let limit = (word.chars().count() / 3).clamp(1, 3);
    words
        .iter()
        .map(|candidate| (unlikeness(&word, candidate), *candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How far a word is from another; one that begins with the other is near.
fn unlikeness(word: &str, candidate: &str) -> usize {
    let (short, long) = if word.len() < candidate.len() { (word, candidate) } else { (candidate, word) };
    let distance = distance(word, candidate);
    if 3 < short.len() && long.starts_with(short) { distance.min(1) } else { distance }
}

/// How many letters must be put in, taken out, changed or swapped with their neighbour.
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=right.len()).collect()];
    for row in 1..=left.len() {
        let mut costs = vec![row; right.len() + 1];
        for column in 1..=right.len() {
            let same = left[row - 1] == right[column - 1];
            let mut cost = (rows[row - 1][column] + 1).min(costs[column - 1] + 1);
            cost = cost.min(rows[row - 1][column - 1] + usize::from(!same));
            let swapped =
                1 < row && 1 < column && left[row - 1] == right[column - 2] && left[row - 2] == right[column - 1];
            if swapped {
                cost = cost.min(rows[row - 2][column - 2] + 1);
            }
            costs[column] = cost;
        }
        rows.push(costs);
    }
    rows[left.len()][right.len()]
}

/// Longer words are not worth a guess.
const WORD_MAX: usize = 64;
