//! Conditions against a model of them that is as slow and plain as the language's description: it looks at the decoded
//! span, knows no slots and no bytes, and makes every value anew.

use super::*;

mod random;

/// A value; `Err` is one that cannot be had.
#[derive(Clone, Debug, PartialEq)]
enum Plain {
    Nil,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Plain>),
    Map(Vec<(String, Plain)>),
}

type Had = Result<Plain, ()>;

/// An expression that has a value.
#[derive(Clone, Debug)]
enum Expr {
    Literal(Plain),
    Name,
    Kind,
    Status,
    Parent,
    /// `attributes[..]`, with keys inside.
    Attribute(&'static str, Vec<Inside>),
    Resource(&'static str),
    Scope,
    Sum(&'static str, Box<Expr>, Box<Expr>),
    Int(Box<Expr>),
    IsString(Box<Expr>),
    Coalesce(Vec<Expr>),
}

#[derive(Clone, Debug)]
enum Inside {
    Key(&'static str),
    Place(usize),
}

#[derive(Clone, Debug)]
enum Test {
    Bool(bool),
    Compare(&'static str, Expr, Expr),
    IsString(Expr),
    Not(Box<Test>),
    And(Vec<Test>),
    Or(Vec<Test>),
}

fn written(value: &Plain) -> String {
    match value {
        Plain::Nil => "nil".to_owned(),
        Plain::Bool(truth) => truth.to_string(),
        Plain::Int(number) => number.to_string(),
        Plain::Double(number) => format!("{number:?}"),
        Plain::Text(text) => format!("\"{text}\""),
        Plain::Bytes(bytes) => format!("0x{}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
        Plain::List(values) => format!("[{}]", values.iter().map(written).collect::<Vec<_>>().join(", ")),
        Plain::Map(_) => unreachable!("maps are not written"),
    }
}

impl Expr {
    fn written(&self) -> String {
        match self {
            Expr::Literal(value) => written(value),
            Expr::Name => "name".to_owned(),
            Expr::Kind => "span.kind".to_owned(),
            Expr::Status => "status.code".to_owned(),
            Expr::Parent => "parent_span_id.string".to_owned(),
            Expr::Attribute(key, inside) => {
                let inside = inside.iter().map(|inside| match inside {
                    Inside::Key(key) => format!("[\"{key}\"]"),
                    Inside::Place(place) => format!("[{place}]"),
                });
                format!("attributes[\"{key}\"]{}", inside.collect::<String>())
            }
            Expr::Resource(key) => format!("resource.attributes[\"{key}\"]"),
            Expr::Scope => "instrumentation_scope.name".to_owned(),
            Expr::Sum(sign, left, right) => format!("({} {sign} {})", left.written(), right.written()),
            Expr::Int(inside) => format!("Int({})", inside.written()),
            Expr::IsString(inside) => format!("IsString({})", inside.written()),
            Expr::Coalesce(items) => {
                format!("Coalesce([{}])", items.iter().map(Expr::written).collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn value(&self, spans: &ResourceSpans) -> Had {
        let span = &spans.scope_spans[0].spans[0];
        Ok(match self {
            Expr::Literal(value) => value.clone(),
            Expr::Name => Plain::Text(span.name.clone()),
            Expr::Kind => Plain::Int(span.kind.into()),
            Expr::Status => Plain::Int(span.status.as_ref().map_or(0, |status| status.code).into()),
            Expr::Parent => {
                let id = if span.parent_span_id.is_empty() { &[0; 8][..] } else { &span.parent_span_id };
                Plain::Text(id.iter().map(|byte| format!("{byte:02x}")).collect())
            }
            Expr::Attribute(key, inside) => match attribute(&span.attributes, key) {
                None => Plain::Nil,
                Some(value) => return within(value, inside),
            },
            Expr::Resource(key) => {
                let resource = spans.resource.as_ref().map_or(&[][..], |resource| &resource.attributes);
                attribute(resource, key).unwrap_or(Plain::Nil)
            }
            Expr::Scope => {
                Plain::Text(spans.scope_spans[0].scope.as_ref().map(|scope| scope.name.clone()).unwrap_or_default())
            }
            Expr::Sum(sign, left, right) => return sum(sign, left.value(spans)?, right.value(spans)?),
            Expr::Int(inside) => match inside.value(spans)? {
                Plain::Nil => Plain::Nil,
                Plain::Int(number) => Plain::Int(number),
                Plain::Double(number) => Plain::Int(number as i64),
                Plain::Bool(truth) => Plain::Int(truth.into()),
                Plain::Text(text) => Plain::Int(text.parse().map_err(drop)?),
                Plain::Bytes(_) | Plain::List(_) | Plain::Map(_) => return Err(()),
            },
            Expr::IsString(inside) => Plain::Bool(matches!(inside.value(spans)?, Plain::Text(_))),
            Expr::Coalesce(items) => {
                for item in items {
                    match item.value(spans)? {
                        Plain::Nil => {}
                        value => return Ok(value),
                    }
                }
                Plain::Nil
            }
        })
    }
}

fn attribute(attributes: &[KeyValue], key: &str) -> Option<Plain> {
    attributes.iter().find(|pair| pair.key == key).map(|pair| plain(pair.value.as_ref()))
}

fn plain(value: Option<&AnyValue>) -> Plain {
    match value.and_then(|value| value.value.as_ref()) {
        None | Some(Proto::StringValueStrindex(_)) => Plain::Nil,
        Some(Proto::StringValue(text)) => Plain::Text(text.clone()),
        Some(Proto::BoolValue(truth)) => Plain::Bool(*truth),
        Some(Proto::IntValue(number)) => Plain::Int(*number),
        Some(Proto::DoubleValue(number)) => Plain::Double(*number),
        Some(Proto::BytesValue(bytes)) => Plain::Bytes(bytes.clone()),
        Some(Proto::ArrayValue(list)) => Plain::List(list.values.iter().map(|value| plain(Some(value))).collect()),
        Some(Proto::KvlistValue(map)) => {
            Plain::Map(map.values.iter().map(|pair| (pair.key.clone(), plain(pair.value.as_ref()))).collect())
        }
    }
}

fn within(mut value: Plain, inside: &[Inside]) -> Had {
    for step in inside {
        value = match (value, step) {
            (Plain::Map(pairs), Inside::Key(key)) => match pairs.into_iter().find(|(name, _)| name == key) {
                Some((_, value)) => value,
                None => return Ok(Plain::Nil),
            },
            (Plain::List(values), Inside::Place(place)) => values.get(*place).cloned().ok_or(())?,
            _ => return Err(()),
        };
    }
    Ok(value)
}

fn sum(sign: &str, left: Plain, right: Plain) -> Had {
    let real = |left: f64, right: f64| match sign {
        "+" => Ok(Plain::Double(left + right)),
        "*" => Ok(Plain::Double(left * right)),
        _ if right == 0.0 => Err(()),
        _ => Ok(Plain::Double(left / right)),
    };
    match (left, right) {
        (Plain::Int(left), Plain::Int(right)) => Ok(Plain::Int(match sign {
            "+" => left.wrapping_add(right),
            "*" => left.wrapping_mul(right),
            _ if right == 0 => return Err(()),
            _ => left.wrapping_div(right),
        })),
        (Plain::Int(left), Plain::Double(right)) => real(left as f64, right),
        (Plain::Double(left), Plain::Int(right)) => real(left, right as f64),
        (Plain::Double(left), Plain::Double(right)) => real(left, right),
        _ => Err(()),
    }
}

/// The comparison, case by case as the language's table has them.
fn compares(sign: &str, left: &Plain, right: &Plain) -> bool {
    fn by<T: PartialOrd>(sign: &str, left: &T, right: &T) -> bool {
        match sign {
            "==" => left == right,
            "!=" => left != right,
            "<" => left < right,
            "<=" => left <= right,
            ">" => left > right,
            _ => left >= right,
        }
    }
    let nil = |value: &Plain| *value == Plain::Nil || *value == Plain::Bytes(Vec::new());
    match (left, right) {
        (left, right) if nil(left) && nil(right) => matches!(sign, "==" | "<=" | ">="),
        (Plain::Bool(left), Plain::Bool(right)) => by(sign, left, right),
        (Plain::Int(left), Plain::Int(right)) => by(sign, left, right),
        (Plain::Int(left), Plain::Double(right)) => by(sign, &(*left as f64), right),
        (Plain::Double(left), Plain::Int(right)) => by(sign, left, &(*right as f64)),
        (Plain::Double(left), Plain::Double(right)) => by(sign, left, right),
        (Plain::Text(left), Plain::Text(right)) => by(sign, left, right),
        (Plain::Bytes(these), Plain::Bytes(those)) if !nil(left) && !nil(right) => by(sign, these, those),
        (Plain::List(left), Plain::List(right)) => match sign {
            "==" => left == right,
            "!=" => left != right,
            _ => false,
        },
        (Plain::Map(left), Plain::Map(right)) => match sign {
            "==" => left == right,
            "!=" => left != right,
            _ => false,
        },
        _ => sign == "!=",
    }
}

impl Test {
    fn written(&self) -> String {
        let join = |tests: &[Test], sign: &str| {
            let tests: Vec<String> = tests.iter().map(|test| format!("({})", test.written())).collect();
            tests.join(sign)
        };
        match self {
            Test::Bool(truth) => truth.to_string(),
            Test::Compare(sign, left, right) => format!("{} {sign} {}", left.written(), right.written()),
            Test::IsString(value) => format!("IsString({})", value.written()),
            Test::Not(inside) => format!("not ({})", inside.written()),
            Test::And(tests) => join(tests, " and "),
            Test::Or(tests) => join(tests, " or "),
        }
    }

    fn holds(&self, spans: &ResourceSpans) -> Result<bool, ()> {
        match self {
            Test::Bool(truth) => Ok(*truth),
            Test::Compare(sign, left, right) => Ok(compares(sign, &left.value(spans)?, &right.value(spans)?)),
            Test::IsString(value) => Ok(matches!(value.value(spans)?, Plain::Text(_))),
            Test::Not(inside) => inside.holds(spans).map(|truth| !truth),
            Test::And(tests) => tests.iter().try_fold(true, |all, test| Ok(all && test.holds(spans)?)),
            Test::Or(tests) => tests.iter().try_fold(false, |any, test| Ok(any || test.holds(spans)?)),
        }
    }
}
