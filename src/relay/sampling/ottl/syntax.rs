//! The tree that an expression is read into: what was written, each part with its place, and not yet what it means.

use std::ops::Range;

/// A part of an expression and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) at: Range<usize>,
    pub(super) what: What,
}

/// What can be written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    Enum(String),
    List(Vec<Node>),
    Path(Vec<Segment>),
    Call(Call),
    Negative(Box<Node>),
    Math(Math, Box<Node>, Box<Node>),
    Group(Box<Node>),
    Compare(Comparison, Box<Node>, Box<Node>),
    Not(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
}

/// A name in a path, with the keys behind it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Segment {
    pub(super) name: String,
    pub(super) at: Range<usize>,
    pub(super) keys: Vec<Key>,
}

/// What stands between brackets.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    pub(super) at: Range<usize>,
    pub(super) what: Index,
}

/// A key of a map, or a place in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Index {
    Name(Box<[u8]>),
    Place(i64),
}

/// A function with what it is given.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) name_at: Range<usize>,
    pub(super) arguments: Vec<Argument>,
    pub(super) keys: Vec<Key>,
}

/// What a function is given, by its place or by its name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Argument {
    pub(super) name: Option<String>,
    pub(super) value: Node,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Math {
    Add,
    Subtract,
    Multiply,
    Divide,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What may have a sign or stand in calculations, as far as is seen without types.
pub(super) fn is_number(node: &Node) -> bool {
    match &node.what {
        What::Int(_) | What::Float(_) | What::Path(_) | What::Call(_) | What::Negative(_) | What::Math(..) => true,
        What::Group(inside) => is_number(inside),
        What::Nil | What::Bool(_) | What::Text(_) | What::Bytes(_) | What::Enum(_) | What::List(_) => false,
        What::Compare(..) | What::Not(_) | What::And(_) | What::Or(_) => false,
    }
}
