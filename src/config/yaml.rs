//! YAML into a [`Node`] tree in which everything knows its place. Anchors, aliases and merge keys are understood; size,
//! depth and expansion are bounded, so that a file of a few hundred bytes cannot become gigabytes.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, Span};

use crate::config::node::{Entry, Node, Value};
use crate::config::place::{At, Sources};
use crate::config::problem::Problem;

/// Reads one document from part of a source. What is wrong is added to `problems`; nothing comes back where the text cannot be read at all.
pub fn read(sources: &Sources, part: At, problems: &mut Vec<Problem>) -> Option<Node> {
    let text = sources.get(part.source).text.get(part.start..part.end)?;
    let start = At { end: part.start, ..part };
    if TEXT_MAX < text.len() {
        let problem = Problem::at(start, format!("this is {} bytes long; at most {TEXT_MAX} are read", text.len()));
        problems.push(problem.help("a ConfigMap holds no more either: is this the right file?"));
        return None;
    }
    let mut builder = Builder { part, stack: Vec::new(), anchors: HashMap::new(), nodes: 0, root: None, problems };
    for next in Parser::new_from_str(text) {
        let step = match next {
            Ok((event, span)) => builder.event(event, span),
            Err(error) => Err(builder.unreadable(&error)),
        };
        if let Err(problem) = step {
            builder.problems.push(problem);
            return None;
        }
    }
    Some(builder.root.unwrap_or(Node { at: start, value: Value::Null }))
}

struct Builder<'a> {
    part: At,
    stack: Vec<Open>,
    anchors: HashMap<usize, Built>,
    nodes: usize,
    root: Option<Node>,
    problems: &'a mut Vec<Problem>,
}

/// A list or map whose end has not come.
struct Open {
    at: At,
    anchor: usize,
    depth: usize,
    nodes: usize,
    inside: Inside,
}

enum Inside {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, key: Option<(String, At)> },
}

/// A node, how deep it is and how many nodes it is.
#[derive(Clone)]
struct Built {
    node: Node,
    depth: usize,
    nodes: usize,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Problem> {
        let at = self.at(&span);
        match event {
            Event::DocumentStart(..) if self.root.is_some() => {
                Err(Problem::at(at, "a second document begins here")
                    .help("one file holds one document: remove the `---`"))
            }
            Event::Scalar(text, style, anchor, _) => {
                let quoted = style != ScalarStyle::Plain;
                let null = !quoted && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let value = if null { Value::Null } else { Value::Scalar { text: text.into_owned(), quoted } };
                self.built(Built { node: Node { at, value }, depth: 1, nodes: 1 }, anchor)
            }
            Event::SequenceStart(_, anchor, _) => self.open(at, anchor, Inside::List(Vec::new())),
            Event::MappingStart(_, anchor, _) => self.open(at, anchor, Inside::Map { entries: Vec::new(), key: None }),
            Event::SequenceEnd | Event::MappingEnd => self.close(at),
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(built) => self.built(built, 0),
                None => Err(Problem::at(at, "this alias stands inside what it refers to")
                    .help("write out what it is to repeat")),
            },
            _ => Ok(()),
        }
    }

    fn open(&mut self, at: At, anchor: usize, inside: Inside) -> Result<(), Problem> {
        if DEPTH_MAX <= self.stack.len() {
            return Err(too_deep(at));
        }
        self.stack.push(Open { at, anchor, depth: 0, nodes: 1, inside });
        Ok(())
    }

    fn close(&mut self, end: At) -> Result<(), Problem> {
        let Some(Open { at, anchor, depth, nodes, inside }) = self.stack.pop() else { return Ok(()) };
        let at = At { end: end.end.max(at.end), ..at };
        let value = match inside {
            Inside::List(nodes) => Value::List(nodes),
            Inside::Map { entries, key: _ } => Value::Map(self.merged(entries)),
        };
        self.built(Built { node: Node { at, value }, depth: depth + 1, nodes }, anchor)
    }

    /// A node is whole: it becomes a key, a value, an item, or the document.
    fn built(&mut self, built: Built, anchor: usize) -> Result<(), Problem> {
        self.nodes += built.nodes;
        if NODES_MAX < self.nodes {
            let problem = Problem::at(built.node.at, format!("with its aliases this is more than {NODES_MAX} values"));
            return Err(problem.help("fewer aliases of aliases: a configuration is some hundred values"));
        }
        if DEPTH_MAX < self.stack.len() + built.depth {
            return Err(too_deep(built.node.at));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, built.clone());
        }
        let Some(open) = self.stack.last_mut() else {
            self.root = Some(built.node);
            return Ok(());
        };
        open.depth = open.depth.max(built.depth);
        open.nodes += built.nodes;
        match &mut open.inside {
            Inside::List(nodes) => nodes.push(built.node),
            Inside::Map { entries, key } => match key.take() {
                None => *key = Some(key_of(&built.node)?),
                Some((name, key_at)) => add(entries, Entry { key: name, key_at, node: built.node }, self.problems),
            },
        }
        Ok(())
    }

    /// The entries with those of the merge key `<<` behind their own.
    fn merged(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        let (merges, mut own): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(|entry| entry.key == "<<");
        for merge in merges {
            let from = match merge.node.value {
                Value::List(nodes) => nodes,
                _ => vec![merge.node],
            };
            for node in from {
                match node.value {
                    Value::Map(others) => {
                        for other in others {
                            if own.iter().all(|entry| entry.key != other.key) {
                                own.push(other);
                            }
                        }
                    }
                    _ => self.problems.push(
                        Problem::at(merge.key_at, "the merge key `<<` takes a map, or a list of maps")
                            .help("the alias of a map, such as `<<: *name`, where `&name` stands before the map"),
                    ),
                }
            }
        }
        own
    }

    fn at(&self, span: &Span) -> At {
        let range = span.byte_range().unwrap_or_default();
        self.place(range.start, range.end)
    }

    /// Bytes of what is read, as bytes of its source.
    fn place(&self, start: usize, end: usize) -> At {
        At { source: self.part.source, start: self.part.start + start, end: self.part.start + end }
    }

    fn unreadable(&self, error: &granit_parser::ScanError) -> Problem {
        let start = error.marker().byte_offset().unwrap_or_default();
        Problem::at(self.place(start, start + 1), format!("this cannot be read as YAML: {}", error.info())).help(
            "indent with spaces and the same number for neighbours, close each bracket and quote once, and put in quotes what \
             begins with one of `*&!%@{[` or holds `: ` or ` #`",
        )
    }
}

fn too_deep(at: At) -> Problem {
    Problem::at(at, format!("this is nested more than {DEPTH_MAX} deep"))
        .help("a configuration is nested about ten deep")
}

/// The text of a key and where it stands.
fn key_of(node: &Node) -> Result<(String, At), Problem> {
    match &node.value {
        Value::Scalar { text, .. } => Ok((text.clone(), node.at)),
        Value::Null => Ok((String::new(), node.at)),
        Value::List(_) | Value::Map(_) => {
            Err(Problem::at(node.at, "a key is a single word")
                .help("`key: value`, or in quotes what only looks like more"))
        }
    }
}

/// Adds an entry, unless its key is there.
fn add(entries: &mut Vec<Entry>, entry: Entry, problems: &mut Vec<Problem>) {
    if entries.iter().any(|other| other.key == entry.key) {
        let message = format!("the key `{}` stands here twice", entry.key);
        problems.push(Problem::at(entry.key_at, message).help("remove one of the two"));
    } else {
        entries.push(entry);
    }
}

/// Longest text read, in bytes: a ConfigMap holds at most as much.
const TEXT_MAX: usize = 1 << 20;
/// Most values in a document, those that aliases repeat included.
const NODES_MAX: usize = 50_000;
/// Deepest nesting.
const DEPTH_MAX: usize = 48;
