//! Words into a tree. One grammar reads conditions and values alike; what may stand where is told apart afterwards, so
//! that the place of an error is the place where somebody went wrong.

use std::ops::Range;

use super::Fault;
use super::lexer::{Token, Word, words};
use super::syntax::{Argument, Call, Comparison, Index, Key, Math, Node, Segment, What, is_number};

/// Reads a whole expression.
pub(super) fn parse(text: &str) -> Result<Node, Fault> {
    let mut parser = Parser { words: words(text)?, next: 0, depth: 0, calculations: 0 };
    let node = parser.or()?;
    match parser.peek() {
        Token::End => Ok(node),
        _ => Err(parser.unexpected("`and`, `or`, a comparison, or the end")),
    }
}

/// How deep parentheses, lists and functions may stand inside one another.
const DEPTH_MAX: usize = 64;

/// How many calculations an expression may have: each stands inside the next.
const CALCULATIONS_MAX: usize = 256;

struct Parser {
    words: Vec<Word>,
    next: usize,
    depth: usize,
    calculations: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.words[self.next].0
    }

    fn at(&self) -> Range<usize> {
        self.words[self.next].1.clone()
    }

    fn step(&mut self) -> Word {
        let word = self.words[self.next].clone();
        // The end is never passed.
        self.next = (self.next + 1).min(self.words.len() - 1);
        word
    }

    /// Takes the next word if it is this sign.
    fn takes(&mut self, sign: &str) -> bool {
        let is = matches!(self.peek(), Token::Sign(next) if *next == sign);
        if is {
            self.step();
        }
        is
    }

    fn expect(&mut self, sign: &'static str) -> Result<usize, Fault> {
        let end = self.at().end;
        if self.takes(sign) { Ok(end) } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    #[cold]
    fn unexpected(&self, wanted: &str) -> Fault {
        let found = match self.peek() {
            Token::End => "the expression ends here".to_owned(),
            Token::Name(name) => format!("`{name}` cannot stand here"),
            Token::Text(_) => "a text cannot stand here".to_owned(),
            Token::Int(_) | Token::Float(_) => "a number cannot stand here".to_owned(),
            Token::Bytes(_) => "bytes cannot stand here".to_owned(),
            Token::Sign("=") => return Fault::new(self.at(), "`=` is no comparison").help("`==`"),
            Token::Sign(sign) => format!("`{sign}` cannot stand here"),
        };
        Fault::new(self.at(), found).help(format!("expected {wanted}"))
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Parser) -> Result<T, Fault>) -> Result<T, Fault> {
        if DEPTH_MAX <= self.depth {
            return Err(Fault::new(self.at(), format!("this stands more than {DEPTH_MAX} deep in parentheses")));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    fn or(&mut self) -> Result<Node, Fault> {
        self.joined("or", Parser::and, What::Or)
    }

    fn and(&mut self) -> Result<Node, Fault> {
        self.joined("and", Parser::not, What::And)
    }

    fn joined(
        &mut self,
        sign: &str,
        part: fn(&mut Parser) -> Result<Node, Fault>,
        join: fn(Vec<Node>) -> What,
    ) -> Result<Node, Fault> {
        let mut parts = vec![part(self)?];
        while self.takes(sign) {
            parts.push(part(self)?);
        }
        let at = parts[0].at.start..parts[parts.len() - 1].at.end;
        Ok(if parts.len() == 1 { parts.remove(0) } else { Node { at, what: join(parts) } })
    }

    fn not(&mut self) -> Result<Node, Fault> {
        let start = self.at().start;
        if !self.takes("not") {
            return self.comparison();
        }
        let inside = self.comparison()?;
        Ok(Node { at: start..inside.at.end, what: What::Not(Box::new(inside)) })
    }

    fn comparison(&mut self) -> Result<Node, Fault> {
        let left = self.sum()?;
        let Token::Sign(sign) = self.peek() else { return Ok(left) };
        let comparison = match *sign {
            "==" => Comparison::Equal,
            "!=" => Comparison::NotEqual,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            _ => return Ok(left),
        };
        self.step();
        let right = self.sum()?;
        let at = left.at.start..right.at.end;
        Ok(Node { at, what: What::Compare(comparison, Box::new(left), Box::new(right)) })
    }

    fn sum(&mut self) -> Result<Node, Fault> {
        self.math([("+", Math::Add), ("-", Math::Subtract)], Parser::product)
    }

    fn product(&mut self) -> Result<Node, Fault> {
        self.math([("*", Math::Multiply), ("/", Math::Divide)], Parser::signed)
    }

    fn math(&mut self, signs: [(&str, Math); 2], part: fn(&mut Parser) -> Result<Node, Fault>) -> Result<Node, Fault> {
        let mut left = part(self)?;
        while let Some((_, math)) = signs.iter().find(|(sign, _)| self.takes(sign)) {
            let right = part(self)?;
            let at = left.at.start..right.at.end;
            self.calculations += 1;
            if CALCULATIONS_MAX < self.calculations {
                return Err(Fault::new(right.at, format!("there are more than {CALCULATIONS_MAX} calculations")));
            }
            left = Node { at, what: What::Math(*math, Box::new(left), Box::new(right)) };
        }
        Ok(left)
    }

    fn signed(&mut self) -> Result<Node, Fault> {
        let start = self.at().start;
        let negative = self.takes("-");
        if !negative && !self.takes("+") {
            return self.value();
        }
        let inside = self.value()?;
        if !is_number(&inside) {
            return Err(Fault::new(inside.at, "this has no sign").help("expected a number, a path or a function"));
        }
        let at = start..inside.at.end;
        Ok(match inside.what {
            what if !negative => Node { at, what },
            What::Int(number) => Node { at, what: What::Int(-number) },
            What::Float(number) => Node { at, what: What::Float(-number) },
            what => {
                let inside = Box::new(Node { at: inside.at, what });
                Node { at, what: What::Negative(inside) }
            }
        })
    }

    fn value(&mut self) -> Result<Node, Fault> {
        let (token, at) = (self.peek().clone(), self.at());
        let what = match token {
            Token::Sign("nil") => What::Nil,
            Token::Sign("true") => What::Bool(true),
            Token::Sign("false") => What::Bool(false),
            Token::Int(number) => What::Int(number),
            Token::Float(number) => What::Float(number),
            Token::Text(text) => What::Text(text),
            Token::Bytes(bytes) => What::Bytes(bytes),
            Token::Name(name) => return self.named(name),
            Token::Sign("(") => return self.deeper(Parser::group),
            Token::Sign("[") => return self.deeper(Parser::list),
            Token::Sign("not") => return Err(self.unexpected("a value; `not` stands before a whole comparison")),
            Token::Sign(_) | Token::End => return Err(self.unexpected("a value")),
        };
        self.step();
        Ok(Node { at, what })
    }

    fn group(&mut self) -> Result<Node, Fault> {
        let start = self.step().1.start;
        let inside = self.or()?;
        let end = self.expect(")")?;
        Ok(Node { at: start..end, what: What::Group(Box::new(inside)) })
    }

    fn list(&mut self) -> Result<Node, Fault> {
        let start = self.step().1.start;
        let mut items = Vec::new();
        let at = self.at();
        if self.takes("]") {
            return Ok(Node { at: start..at.end, what: What::List(items) });
        }
        loop {
            items.push(self.sum()?);
            let at = self.at();
            if self.takes("]") {
                return Ok(Node { at: start..at.end, what: What::List(items) });
            }
            if !self.takes(",") {
                return Err(self.unexpected("`,` or `]`"));
            }
        }
    }

    /// What begins with a name: a function, an enum or a path.
    fn named(&mut self, name: String) -> Result<Node, Fault> {
        let name_at = self.step().1;
        if matches!(self.peek(), Token::Sign("(")) {
            return self.deeper(|parser| parser.call(name, name_at));
        }
        if !name.starts_with(|first: char| first.is_ascii_uppercase()) {
            return self.path(name, name_at);
        }
        if name.chars().any(|character| character.is_ascii_lowercase()) {
            let fault = Fault::new(name_at, format!("`{name}` is neither a path nor an enum"));
            return Err(fault.help(format!("functions are written `{name}(...)`, paths in small letters")));
        }
        Ok(Node { at: name_at, what: What::Enum(name) })
    }

    fn call(&mut self, name: String, name_at: Range<usize>) -> Result<Node, Fault> {
        self.step();
        let mut arguments = Vec::new();
        let mut end = self.at().end;
        if !self.takes(")") {
            loop {
                arguments.push(self.argument()?);
                end = self.at().end;
                if self.takes(")") {
                    break;
                }
                if !self.takes(",") {
                    return Err(self.unexpected("`,` or `)`"));
                }
            }
        }
        let keys = self.keys()?;
        let at = name_at.start..keys.last().map_or(end, |key| key.at.end);
        Ok(Node { at, what: What::Call(Call { name, name_at, arguments, keys }) })
    }

    fn argument(&mut self) -> Result<Argument, Fault> {
        let named = match (self.peek(), self.words.get(self.next + 1)) {
            (Token::Name(name), Some((Token::Sign("="), _))) => Some(name.clone()),
            _ => None,
        };
        if named.is_some() {
            self.step();
            self.step();
        }
        Ok(Argument { name: named, value: self.sum()? })
    }

    fn path(&mut self, name: String, at: Range<usize>) -> Result<Node, Fault> {
        let start = at.start;
        let mut segments = vec![Segment { name, keys: self.keys()?, at }];
        while self.takes(".") {
            let at = self.at();
            let Token::Name(name) = self.peek().clone() else { return Err(self.unexpected("a name")) };
            self.step();
            segments.push(Segment { name, keys: self.keys()?, at });
        }
        let last = &segments[segments.len() - 1];
        let end = last.keys.last().map_or(last.at.end, |key| key.at.end);
        Ok(Node { at: start..end, what: What::Path(segments) })
    }

    fn keys(&mut self) -> Result<Vec<Key>, Fault> {
        let mut keys = Vec::new();
        loop {
            let start = self.at().start;
            if !self.takes("[") {
                return Ok(keys);
            }
            let what = match self.peek().clone() {
                Token::Text(text) => Index::Name(text.into_bytes().into()),
                Token::Int(place) => Index::Place(place),
                _ => return Err(self.unexpected("a key: text in quotes, or a whole number")),
            };
            self.step();
            keys.push(Key { at: start..self.expect("]")?, what });
        }
    }
}

#[cfg(test)]
mod tests;
