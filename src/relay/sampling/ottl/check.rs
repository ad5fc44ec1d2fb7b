//! From what was written to what is evaluated: names are looked up, kinds are compared, and what cannot be evaluated is
//! refused with its place. What is left can fail only by what a span says.

use std::ops::Range;

use super::convert::Failed;
use super::eval::{Condition, Expr};
use super::functions::Function;
use super::nearest::nearest;
use super::paths::{Asked, Path, resolve};
use super::seen::Seen;
use super::syntax::{Comparison, Math, Node, Segment, What, is_number};
use super::types::Type;
use super::value::{List, Value};
use super::{Context, Fault};

/// The enums, and their numbers in the protocol.
const ENUMS: [(&str, i64); 9] = [
    ("SPAN_KIND_UNSPECIFIED", 0),
    ("SPAN_KIND_INTERNAL", 1),
    ("SPAN_KIND_SERVER", 2),
    ("SPAN_KIND_CLIENT", 3),
    ("SPAN_KIND_PRODUCER", 4),
    ("SPAN_KIND_CONSUMER", 5),
    ("STATUS_CODE_UNSET", 0),
    ("STATUS_CODE_OK", 1),
    ("STATUS_CODE_ERROR", 2),
];

/// An expression being checked.
pub(super) struct Checker<'a> {
    pub(super) context: Context,
    /// The attributes asked for so far.
    pub(super) asked: &'a mut Asked,
    /// What is allowed, and probably not meant.
    pub(super) notes: &'a mut Vec<Fault>,
}

/// A value that is right so far, and its kind.
pub(super) type Checked = Result<(Expr, Type), Fault>;

impl Checker<'_> {
    /// A condition.
    pub(super) fn condition(&mut self, node: &Node) -> Result<Condition, Fault> {
        match &node.what {
            What::Bool(truth) => Ok(Condition::Always(*truth)),
            What::Compare(comparison, left, right) => self.comparison(*comparison, left, right),
            What::Not(inside) => Ok(Condition::Not(Box::new(self.condition(inside)?))),
            What::And(parts) => {
                parts.iter().map(|part| self.condition(part)).collect::<Result<_, _>>().map(Condition::All)
            }
            What::Or(parts) => {
                parts.iter().map(|part| self.condition(part)).collect::<Result<_, _>>().map(Condition::Any)
            }
            What::Group(inside) => self.condition(inside),
            What::Call(call) => match self.call(call)? {
                (expr, Type::Bool | Type::Any) => Ok(Condition::Holds(expr)),
                (_, kind) => {
                    Err(Fault::new(node.at.clone(), format!("this gives {}, which is no condition", kind.name()))
                        .help("compare it"))
                }
            },
            What::Path(_) => {
                Err(Fault::new(node.at.clone(), "a path alone is no condition").help("compare it, as in `... == true`"))
            }
            What::Nil
            | What::Int(_)
            | What::Float(_)
            | What::Text(_)
            | What::Bytes(_)
            | What::Enum(_)
            | What::List(_)
            | What::Negative(_)
            | What::Math(..) => Err(Fault::new(node.at.clone(), "a value alone is no condition").help("compare it")),
        }
    }

    fn comparison(&mut self, comparison: Comparison, left: &Node, right: &Node) -> Result<Condition, Fault> {
        let ((left_expr, left_kind), (right_expr, right_kind)) = (self.value(left)?, self.value(right)?);
        let nil_of_function = |node: &Node, other| other == Type::Nil && matches!(node.what, What::Call(_));
        if !left_kind.meets(right_kind) && !nil_of_function(left, right_kind) && !nil_of_function(right, left_kind) {
            let answer = if comparison == Comparison::NotEqual { "true" } else { "false" };
            let (left_name, right_name) = (left_kind.name(), right_kind.name());
            let message = format!("compares {left_name} with {right_name}, which is always {answer}");
            let note = Fault::new(left.at.start..right.at.end, message);
            self.notes.push(match hint(left, right_kind).or_else(|| hint(right, left_kind)) {
                Some(path) => note.help(format!("did you mean `{path}`?")),
                None => note,
            });
        }
        Ok(Condition::Compare(comparison, left_expr, right_expr))
    }

    /// A value.
    pub(super) fn value(&mut self, node: &Node) -> Checked {
        let literal = |value| Ok((Expr::Literal(value), kind_of(&value_kind(&node.what))));
        match &node.what {
            What::Nil => literal(Value::Nil),
            What::Bool(truth) => literal(Value::Bool(*truth)),
            What::Int(number) => literal(Value::Int(*number)),
            What::Float(number) => literal(Value::Double(*number)),
            What::Text(text) => literal(Value::made(text.as_bytes())),
            What::Bytes(bytes) => literal(Value::Bytes(bytes.clone().into())),
            What::Enum(name) => literal(Value::Int(number_of(name, &node.at)?)),
            What::List(items) => self.list(items),
            What::Path(segments) => self.path(segments, &node.at),
            What::Call(call) => self.call(call),
            What::Negative(inside) => {
                let (expr, kind) = self.number(inside)?;
                Ok((Expr::Negative(Box::new(expr)), kind))
            }
            What::Math(math, left, right) => self.math(*math, left, right),
            What::Group(inside) if is_number(inside) => self.value(inside),
            What::Group(inside) if is_condition(inside) => Err(no_value(inside.at.clone())),
            What::Group(_) => {
                let fault = Fault::new(node.at.clone(), "only numbers, paths and functions stand in parentheses");
                Err(fault.help("without the parentheses"))
            }
            What::Compare(..) | What::Not(_) | What::And(_) | What::Or(_) => Err(no_value(node.at.clone())),
        }
    }

    fn list(&mut self, items: &[Node]) -> Checked {
        let items: Vec<Expr> = items.iter().map(|item| Ok(self.value(item)?.0)).collect::<Result<_, Fault>>()?;
        Ok((folded(Expr::List(items)), Type::List))
    }

    fn path(&mut self, segments: &[Segment], at: &Range<usize>) -> Checked {
        let (path, kind) = resolve(segments, at, self.context, self.asked)?;
        let expr = match path {
            Path::Field(field) => Expr::Field(field),
            Path::Attribute(slot, keys) => Expr::Attribute(slot, keys),
            Path::TraceState(key) => Expr::TraceState(key),
        };
        Ok((expr, kind))
    }

    /// What has a sign.
    fn number(&mut self, node: &Node) -> Checked {
        let (expr, kind) = self.value(node)?;
        match kind {
            Type::Any | Type::Int | Type::Double => Ok((expr, kind)),
            kind => Err(Fault::new(node.at.clone(), format!("this is {}, which has no sign", kind.name()))),
        }
    }

    fn math(&mut self, math: Math, left: &Node, right: &Node) -> Checked {
        if let Some(wrong) = [left, right].into_iter().find(|side| !is_number(side)) {
            return Err(Fault::new(wrong.at.clone(), "this cannot be calculated with"));
        }
        let ((left_expr, left_kind), (right_expr, right_kind)) = (self.value(left)?, self.value(right)?);
        let Some(kind) = calculated(math, left_kind, right_kind) else {
            let (left_name, right_name) = (left_kind.name(), right_kind.name());
            let message = format!("{left_name} and {right_name} cannot be calculated with in this way");
            return Err(Fault::new(left.at.start..right.at.end, message));
        };
        let expr = folded(Expr::Math(math, Box::new(left_expr), Box::new(right_expr)));
        Ok((expr, kind))
    }

    /// `IsRootSpan` is asked of spans alone.
    pub(super) fn sees(&self, function: Function) -> bool {
        function != Function::IsRootSpan || self.context == Context::Span
    }
}

fn no_value(at: Range<usize>) -> Fault {
    Fault::new(at, "a condition is no value that could be compared").help("join conditions with `and` or `or`")
}

fn number_of(name: &str, at: &Range<usize>) -> Result<i64, Fault> {
    if let Some((_, number)) = ENUMS.iter().find(|(known, _)| *known == name) {
        return Ok(*number);
    }
    let fault = Fault::new(at.clone(), format!("there is no enum `{name}`"));
    let known = ENUMS.iter().map(|(known, _)| *known);
    Err(match nearest(name, known.clone()) {
        Some(near) => fault.help(format!("did you mean `{near}`?")),
        None => fault.help(format!("the enums are {}", known.collect::<Vec<_>>().join(", "))),
    })
}

fn is_condition(node: &Node) -> bool {
    match &node.what {
        What::Compare(..) | What::Not(_) | What::And(_) | What::Or(_) => true,
        What::Group(inside) => is_condition(inside),
        _ => false,
    }
}

/// The kind of what two values are calculated to, if they can be.
fn calculated(math: Math, left: Type, right: Type) -> Option<Type> {
    use Type::{Any, Double, Duration, Int, Time};
    match (left, right, math) {
        (Int, Int, _) => Some(Int),
        (Int | Double, Int | Double, _) => Some(Double),
        (Time, Duration, Math::Add | Math::Subtract) | (Duration, Time, Math::Add) => Some(Time),
        (Time, Time, Math::Subtract) | (Duration, Duration, Math::Add | Math::Subtract) => Some(Duration),
        (Any, Any | Int | Double | Time | Duration, _) | (Int | Double | Time | Duration, Any, _) => Some(Any),
        _ => None,
    }
}

/// A path that somebody may have meant who compares this one with a value of another kind.
fn hint(node: &Node, other: Type) -> Option<&'static str> {
    let What::Path(segments) = &node.what else { return None };
    match (segments.last()?.name.as_str(), other) {
        ("kind", Type::Text) => Some("kind.string"),
        ("trace_id", Type::Text) => Some("trace_id.string"),
        ("span_id", Type::Text) => Some("span_id.string"),
        ("parent_span_id", Type::Text) => Some("parent_span_id.string"),
        ("code", Type::Text) => Some("status.code == STATUS_CODE_ERROR"),
        ("start_time_unix_nano", Type::Time | Type::Duration) => Some("start_time"),
        ("end_time_unix_nano", Type::Time | Type::Duration) => Some("end_time"),
        _ => None,
    }
}

fn value_kind(what: &What) -> Option<Type> {
    Some(match what {
        What::Nil => Type::Nil,
        What::Bool(_) => Type::Bool,
        What::Int(_) | What::Enum(_) => Type::Int,
        What::Float(_) => Type::Double,
        What::Text(_) => Type::Text,
        What::Bytes(_) => Type::Bytes,
        _ => return None,
    })
}

fn kind_of(kind: &Option<Type>) -> Type {
    kind.unwrap_or(Type::Any)
}

/// The expression as its value, where that does not depend on a span.
pub(super) fn folded(expr: Expr) -> Expr {
    match fold(&expr) {
        Some(Ok(value)) => Expr::Literal(value),
        Some(Err(Failed)) | None => expr,
    }
}

/// The value of an expression that does not depend on a span.
pub(super) fn fold(expr: &Expr) -> Option<Result<Value<'static>, Failed>> {
    if !expr.is_fixed() {
        return None;
    }
    Some(expr.value(&Seen::default()).map(owned))
}

fn owned(value: Value<'_>) -> Value<'static> {
    match value {
        Value::Nil | Value::List(List::Wire(_)) | Value::Map(_) => Value::Nil,
        Value::Bool(truth) => Value::Bool(truth),
        Value::Int(number) => Value::Int(number),
        Value::Double(number) => Value::Double(number),
        Value::Text(text) => Value::Text(text.into_owned().into()),
        Value::Bytes(bytes) => Value::Bytes(bytes.into_owned().into()),
        Value::TraceId(id) => Value::TraceId(id),
        Value::SpanId(id) => Value::SpanId(id),
        Value::Duration(nanos) => Value::Duration(nanos),
        Value::Time(nanos) => Value::Time(nanos),
        Value::List(List::Made(made)) => Value::List(List::Made(made.into_iter().map(owned).collect())),
    }
}
