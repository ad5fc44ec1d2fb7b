//! Sources laid over one another: what is said later wins, key by key; lists are replaced whole. The laying itself is
//! the `config` crate's; every value carries its origin along.

use std::collections::HashMap;

use config::{Map, Value as Carried, ValueKind};
use serde::de::DeserializeOwned;

use crate::config::node::{Node, Value, scalar_line};
use crate::config::place::{Name, Sources};
use crate::config::reference;
use crate::config::yaml;

/// Checked trees, lowest first, and what they come to.
#[derive(Debug)]
pub struct Layered {
    trees: Vec<Node>,
    merged: config::Config,
}

impl Layered {
    /// Lays checked trees over the defaults.
    pub fn new(sources: &mut Sources, trees: Vec<Node>) -> Layered {
        let mut builder = config::Config::builder().add_source(Tree { root: carried(&defaults(sources), sources) });
        for tree in &trees {
            builder = builder.add_source(Tree { root: carried(tree, sources) });
        }
        let merged = builder.build().expect("these sources hand over what they hold, so collecting cannot fail");
        Layered { trees, merged }
    }

    /// The value of a key that has a default.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        self.merged.get(path).expect("the key has a default, and only checked values are laid over it")
    }

    /// The value of a key, if anyone said.
    pub fn find<T: DeserializeOwned>(&self, path: &str) -> Option<T> {
        self.merged.get(path).ok()
    }

    /// The node that won for a key, if anyone but the defaults spoke.
    pub fn node(&self, path: &str) -> Option<&Node> {
        self.trees.iter().rev().find_map(|tree| tree.find(path))
    }

    /// Whether nobody but the defaults spoke.
    pub fn is_default(&self, path: &str) -> bool {
        self.node(path).is_none()
    }

    /// Where the value of a key came from, and the value as one line; none where it is not set.
    pub fn shown(&self, path: &str) -> Option<(String, String)> {
        // By hand, because `get` hands out copies without their origin.
        let value = path.split('.').try_fold(&self.merged.cache, |value, word| match &value.kind {
            ValueKind::Table(map) => map.get(word),
            _ => None,
        })?;
        Some((line(value), origin_of(value)))
    }

    /// The names in a map, with their texts.
    pub fn texts(&self, path: &str) -> Vec<(String, String)> {
        let mut texts: Vec<(String, String)> =
            self.find::<HashMap<String, String>>(path).unwrap_or_default().into_iter().collect();
        texts.sort();
        texts
    }
}

/// A tree as the `config` crate takes it.
#[derive(Clone, Debug)]
struct Tree {
    root: Carried,
}

impl config::Source for Tree {
    fn clone_into_box(&self) -> Box<dyn config::Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Carried>, config::ConfigError> {
        self.root.clone().into_table()
    }
}

/// The defaults of all keys as one tree.
fn defaults(sources: &mut Sources) -> Node {
    let source = sources.add(Name::Default, "");
    let mut root = Node::empty(sources.whole(source));
    for key in reference::keys() {
        let Some(text) = key.default else { continue };
        let source = sources.add(Name::Default, text);
        let node = yaml::read(sources, sources.whole(source), &mut Vec::new())
            .expect("defaults are YAML; a test reads them all");
        root.put(&key.path.split('.').collect::<Vec<_>>(), node.at, node);
    }
    root
}

/// A node with its origin, as the `config` crate carries it. Every scalar travels as text: the key says what it means.
fn carried(node: &Node, sources: &Sources) -> Carried {
    let origin = sources.origin(node.at);
    let kind = match &node.value {
        Value::Null => ValueKind::Nil,
        Value::Scalar { text, .. } => ValueKind::String(text.clone()),
        Value::List(nodes) => ValueKind::Array(nodes.iter().map(|node| carried(node, sources)).collect()),
        Value::Map(entries) => {
            let entries = entries.iter().map(|entry| (entry.key.clone(), carried(&entry.node, sources)));
            ValueKind::Table(entries.collect())
        }
    };
    Carried::new(Some(&origin), kind)
}

/// Where a value came from; a map that several sources wrote has the origins of its values.
fn origin_of(value: &Carried) -> String {
    let ValueKind::Table(map) = &value.kind else { return value.origin().unwrap_or("default").to_owned() };
    let mut origins: Vec<String> = map.values().map(origin_of).collect();
    origins.sort();
    origins.dedup();
    if origins.is_empty() { value.origin().unwrap_or("default").to_owned() } else { origins.join(", ") }
}

/// A value as one line; what stands inside a list or a map is quoted where YAML needs it.
fn line(value: &Carried) -> String {
    match &value.kind {
        ValueKind::Array(_) | ValueKind::Table(_) => inner_line(value),
        _ => value.to_string(),
    }
}

fn inner_line(value: &Carried) -> String {
    match &value.kind {
        ValueKind::Array(values) => format!("[{}]", values.iter().map(inner_line).collect::<Vec<_>>().join(", ")),
        ValueKind::Table(map) => {
            let mut entries: Vec<String> =
                map.iter().map(|(key, value)| format!("{}: {}", scalar_line(key, false), inner_line(value))).collect();
            entries.sort();
            format!("{{{}}}", entries.join(", "))
        }
        _ => scalar_line(&value.to_string(), false),
    }
}
