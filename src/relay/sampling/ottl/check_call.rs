//! Calls of functions, checked: the name, how many values are given, and of which kind each is.

use regex::bytes::Regex;

use super::Fault;
use super::check::{Checked, Checker, fold};
use super::convert::Failed;
use super::eval::Expr;
use super::functions::{ALL, Function, Parameter, Signature, Want};
use super::nearest::nearest;
use super::syntax::{Argument, Call, Node, What};
use super::types::Type;
use super::value::Value;
use crate::relay::sampling::pattern;

/// Functions that OTTL has and that are not here.
const ELSEWHERE: &str = " All Any Base64Encode CommunityID ConvertAttributesToElementsXML ConvertCase \
    ConvertTextToElementsXML Day Decode DeleteIndex ExtractGrokPatterns ExtractPatterns FNV Filter Find Format \
    FormatTime GetXML Hex Hour InsertXML IsInCIDR IsValidLuhn Keys Log MD5 MapEach MapKeys Minute Month Murmur3Hash \
    Murmur3Hash128 Nanosecond Now ParseCSV ParseInt ParseJSON ParseKeyValue ParseSeverity ParseSimplifiedXML ParseXML \
    ProfileID Reduce RemoveXML SHA1 SHA256 SHA512 Second SliceToMap Sort Time ToCamelCase ToKeyValueString ToSnakeCase \
    TruncateTime URL UUID UUIDv7 Unix UserAgent Values Weekday When XXH128 XXH3 Append Year ";

impl Checker<'_> {
    pub(super) fn call(&mut self, call: &Call) -> Checked {
        let signature = self.signature(call)?;
        let given = given(call, signature)?;
        let mut values = Vec::new();
        for (parameter, node) in signature.parameters.iter().zip(&given) {
            values.push(match node {
                Some(node) => Some(self.argument(signature, parameter, node)?),
                None => None,
            });
        }
        let expr = match signature.function {
            Function::IsMatch => is_match(values, given[1])?,
            function => Expr::Call(function, values),
        };
        let expr = match fold(&expr) {
            Some(Ok(value)) => Expr::Literal(value),
            Some(Err(Failed)) => return Err(never(call)),
            None => expr,
        };
        if call.keys.is_empty() {
            return Ok((expr, signature.gives));
        }
        if !matches!(signature.gives, Type::List | Type::Any) {
            let message = format!("`{}` gives {}, which has nothing inside", call.name, signature.gives.name());
            return Err(Fault::new(call.keys[0].at.clone(), message));
        }
        let keys = call.keys.iter().map(|key| key.what.clone()).collect();
        Ok((Expr::Inside(Box::new(expr), keys), Type::Any))
    }

    fn signature(&self, call: &Call) -> Result<&'static Signature, Fault> {
        let name = call.name.as_str();
        match ALL.iter().find(|signature| signature.name == name) {
            Some(signature) if self.sees(signature.function) => return Ok(signature),
            Some(_) => {
                let fault =
                    Fault::new(call.name_at.clone(), format!("`{name}` is asked of spans, not of their events"));
                return Err(fault.help("compare `span.parent_span_id.string` with sixteen zeros"));
            }
            None => {}
        }
        if ELSEWHERE.contains(&format!(" {name} ")) {
            let fault =
                Fault::new(call.name_at.clone(), format!("the function `{name}` of OTTL is not supported here"));
            let names: Vec<&str> = ALL.iter().map(|signature| signature.name).collect();
            return Err(fault.help(format!("the functions are {}", names.join(", "))));
        }
        let fault = Fault::new(call.name_at.clone(), format!("there is no function `{name}`"));
        Err(match nearest(name, ALL.iter().map(|signature| signature.name)) {
            Some(near) => fault.help(format!("did you mean `{near}`?")),
            None if name.starts_with(|first: char| first.is_ascii_lowercase()) => {
                fault.help("functions begin with a capital letter; nothing is changed here")
            }
            None => fault.help("such as IsMatch, Len, Int, Concat, Duration"),
        })
    }

    fn argument(&mut self, signature: &Signature, parameter: &Parameter, node: &Node) -> Result<Expr, Fault> {
        let (name, want, _) = *parameter;
        let wrong = |is: &str| {
            let (function, wanted) = (signature.name, want.name());
            Fault::new(node.at.clone(), format!("`{function}` takes {wanted} as `{name}`, this is {is}"))
        };
        let written = match want {
            Want::WrittenText => matches!(node.what, What::Text(_)),
            Want::WrittenBool => matches!(node.what, What::Bool(_)),
            Want::WrittenList => matches!(&node.what, What::List(items) if !items.is_empty()),
            Want::Any | Want::Of(_) | Want::TextLike | Want::NumberLike | Want::BytesLike => true,
        };
        if !written {
            return Err(wrong("not"));
        }
        // The values of a written list are taken one by one, so it is not made into one value.
        if let (Want::WrittenList, What::List(items)) = (want, &node.what) {
            return Ok(Expr::List(items.iter().map(|item| Ok(self.value(item)?.0)).collect::<Result<_, Fault>>()?));
        }
        match self.value(node)? {
            (_, kind) if !want.accepts(kind) => Err(wrong(kind.name())),
            (expr, _) => Ok(expr),
        }
    }
}

/// The values given, one for each parameter.
fn given<'a>(call: &'a Call, signature: &Signature) -> Result<Vec<Option<&'a Node>>, Fault> {
    let parameters = signature.parameters;
    let mut given = vec![None; parameters.len()];
    let mut by_name = false;
    for (place, Argument { name, value }) in call.arguments.iter().enumerate() {
        let at = match name {
            Some(name) => parameters.iter().position(|(known, _, _)| known == name),
            None if by_name => {
                return Err(Fault::new(
                    value.at.clone(),
                    "what is given by its place comes before what is given by name",
                ));
            }
            None => Some(place).filter(|place| *place < parameters.len()),
        };
        by_name |= name.is_some();
        match at {
            Some(at) if given[at].is_none() => given[at] = Some(value),
            Some(_) => return Err(Fault::new(value.at.clone(), "this is given twice")),
            None => return Err(takes(call, signature).moved(value.at.clone())),
        }
    }
    let missing = parameters.iter().zip(&given).any(|((_, _, optional), given)| given.is_none() && !optional);
    if missing { Err(takes(call, signature)) } else { Ok(given) }
}

/// What a function takes, of a call that gives something else.
fn takes(call: &Call, signature: &Signature) -> Fault {
    let parameters: Vec<String> = signature
        .parameters
        .iter()
        .map(|(name, _, optional)| if *optional { format!("[{name}]") } else { (*name).to_owned() })
        .collect();
    let name = signature.name;
    let message = format!("`{name}` is given {} values that it does not take", call.arguments.len());
    Fault::new(call.name_at.clone(), message).help(format!("it is written {name}({})", parameters.join(", ")))
}

/// A call that fails whatever the span says.
fn never(call: &Call) -> Fault {
    let fault = Fault::new(call.name_at.clone(), format!("`{}` cannot be evaluated with what it is given", call.name));
    match call.name.as_str() {
        "Duration" => fault.help("a number and its unit, such as \"1.5s\", \"250ms\" or \"1h30m\""),
        "TraceID" => fault.help("sixteen bytes, or thirty-two hexadecimal digits"),
        "SpanID" => fault.help("eight bytes, or sixteen hexadecimal digits"),
        _ => fault,
    }
}

fn is_match(values: Vec<Option<Expr>>, pattern: Option<&Node>) -> Result<Expr, Fault> {
    let mut values = values.into_iter().flatten();
    let (Some(target), Some(Expr::Literal(Value::Text(text))), Some(node)) = (values.next(), values.next(), pattern)
    else {
        unreachable!("both are there and checked");
    };
    let text = String::from_utf8_lossy(&text).into_owned();
    let read = pattern::read(&text).map(|read| Regex::new(&read).map_err(|error| error.to_string()));
    match read.and_then(|regex| regex) {
        Ok(regex) => Ok(Expr::Matches(Box::new(target), regex)),
        Err(why) => {
            Err(Fault::new(node.at.clone(), why).help("the syntax of RE2, in which a backslash here is written twice"))
        }
    }
}
