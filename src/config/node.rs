//! A setting as written: a tree in which every key and every value knows its place.

use crate::config::place::At;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it stands.
    pub at: At,
    /// What stands there.
    pub value: Value,
}

/// What can be written.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// Text; quoted text is never a number.
    Scalar {
        /// The characters, escapes resolved.
        text: String,
        /// Whether it was written in quotes.
        quoted: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// Keys and values, in the order written, no key twice.
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_at: At,
    /// The value.
    pub node: Node,
}

impl Node {
    /// Text at a place, as if written without quotes.
    pub fn plain(at: At, text: impl Into<String>) -> Node {
        Node { at, value: Value::Scalar { text: text.into(), quoted: false } }
    }

    /// A map with nothing in it.
    pub fn empty(at: At) -> Node {
        Node { at, value: Value::Map(Vec::new()) }
    }

    /// Its text, if it is a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// Its entries, if it is a map.
    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            Value::Null | Value::List(_) | Value::Scalar { .. } => None,
        }
    }

    /// The node at a path of keys joined by dots.
    pub fn find(&self, path: &str) -> Option<&Node> {
        path.split('.').try_fold(self, |node, key| node.get(key))
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries()?.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    /// Where something stands that putting a node at a path of keys would lose.
    pub fn contradicts(&self, path: &[&str], node: &Node) -> Option<At> {
        match (path.split_first(), &self.value, &node.value) {
            (_, Value::Null, _) => None,
            (Some((first, rest)), Value::Map(_), _) => self.get(first)?.contradicts(rest, node),
            (None, Value::Map(_), Value::Map(entries)) => {
                entries.iter().find_map(|entry| self.get(&entry.key)?.contradicts(&[], &entry.node))
            }
            (Some(_), Value::Scalar { .. } | Value::List(_), _) | (None, _, _) => Some(self.at),
        }
    }

    /// Puts a node at a path of keys, making maps on the way; replaces what is no map.
    pub fn put(&mut self, path: &[&str], key_at: At, node: Node) {
        let Some((first, rest)) = path.split_first() else {
            self.merge(node);
            return;
        };
        if self.entries().is_none() {
            self.value = Value::Map(Vec::new());
        }
        let Value::Map(entries) = &mut self.value else { return };
        let index = entries.iter().position(|entry| entry.key == *first).unwrap_or_else(|| {
            let null = Node { at: node.at, value: Value::Null };
            entries.push(Entry { key: (*first).to_owned(), key_at, node: null });
            entries.len() - 1
        });
        entries[index].node.put(rest, key_at, node);
    }

    /// Takes over what `other` says: maps key by key, everything else whole.
    fn merge(&mut self, other: Node) {
        match other.value {
            Value::Map(entries) if self.entries().is_some() => {
                for entry in entries {
                    self.put(&[entry.key.as_str()], entry.key_at, entry.node);
                }
            }
            value => *self = Node { at: other.at, value },
        }
    }

    /// What it is, for a sentence such as "expected a list, found text".
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Scalar { .. } => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a map of keys",
        }
    }

    /// The node as one line of YAML.
    pub fn line(&self) -> String {
        match &self.value {
            Value::Null => "null".into(),
            Value::Scalar { text, quoted } => scalar_line(text, *quoted),
            Value::List(nodes) => format!("[{}]", nodes.iter().map(Node::line).collect::<Vec<_>>().join(", ")),
            Value::Map(entries) => {
                let entries: Vec<String> = entries
                    .iter()
                    .map(|entry| format!("{}: {}", scalar_line(&entry.key, false), entry.node.line()))
                    .collect();
                format!("{{{}}}", entries.join(", "))
            }
        }
    }
}

/// A scalar as it may stand inside a line of YAML.
pub(super) fn scalar_line(text: &str, quoted: bool) -> String {
    let plain = !text.is_empty()
        && text
            .chars()
            .all(|character| character.is_alphanumeric() || matches!(character, '_' | '.' | '-' | '/' | '%'));
    if plain && !quoted { text.to_owned() } else { format!("{text:?}") }
}
