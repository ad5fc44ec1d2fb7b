//! How values compare. Numbers compare as numbers whatever their kind; nothing else compares with another kind: unlike
//! values are not equal, and neither is less. Nil is equal to itself alone. Lists, maps and ids are equal or not.

use std::cmp::Ordering;

use super::syntax::Comparison;
use super::value::Value;

/// Whether `left` and `right` are in this relation.
pub(super) fn compare(comparison: Comparison, left: &Value<'_>, right: &Value<'_>) -> bool {
    match order(left, right) {
        Relation::Ordered(order) => holds(comparison, order),
        Relation::Equality(equal) => match comparison {
            Comparison::Equal => equal,
            Comparison::NotEqual => !equal,
            Comparison::Less | Comparison::LessOrEqual | Comparison::Greater | Comparison::GreaterOrEqual => false,
        },
    }
}

enum Relation {
    /// They can be less and greater.
    Ordered(Ordering),
    /// They are equal or not.
    Equality(bool),
}

fn order(left: &Value<'_>, right: &Value<'_>) -> Relation {
    if left.is_nil() && right.is_nil() {
        return Relation::Ordered(Ordering::Equal);
    }
    if left.is_nil() || right.is_nil() {
        return Relation::Equality(false);
    }
    let numbers = |left: f64, right: f64| left.partial_cmp(&right);
    let order = match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Int(left), Value::Double(right)) => numbers(*left as f64, *right),
        (Value::Double(left), Value::Int(right)) => numbers(*left, *right as f64),
        (Value::Double(left), Value::Double(right)) => numbers(*left, *right),
        (Value::Text(left), Value::Text(right)) | (Value::Bytes(left), Value::Bytes(right)) => Some(left.cmp(right)),
        (Value::Duration(left), Value::Duration(right)) | (Value::Time(left), Value::Time(right)) => {
            Some(left.cmp(right))
        }
        (left, right) => return Relation::Equality(left.is_same(right)),
    };
    // What is not a number is not equal to itself, and not less than anything.
    order.map_or(Relation::Equality(false), Relation::Ordered)
}

fn holds(comparison: Comparison, order: Ordering) -> bool {
    match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }
}
