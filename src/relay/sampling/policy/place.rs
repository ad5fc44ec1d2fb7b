//! Where a policy may stand: the nesting of the Collector's version 0.161, which has no policy in a policy of its own type.

/// A list of policies, or the place of a single one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// `policies`: everything.
    #[default]
    Top,
    /// `and_sub_policy`.
    And,
    /// `drop_sub_policy`.
    Drop,
    /// `not_sub_policy`.
    Not,
    /// `composite_sub_policy`.
    Composite,
}

impl Place {
    /// Why a policy of this type cannot stand here, if it cannot: what is wrong, and what would be right.
    pub fn objection(self, kind: &str) -> Option<(String, &'static str)> {
        let fine = match kind {
            "composite" | "drop" => self == Place::Top,
            "and" => matches!(self, Place::Top | Place::Composite),
            "not" => matches!(self, Place::Top | Place::And | Place::Drop),
            _ => true,
        };
        let remedy = match (kind, self) {
            ("and", Place::And | Place::Drop) => "its policies can, one by one: all in this list have to match anyway",
            ("not", Place::Not) => "the policy inside both of them is meant",
            ("not", Place::Composite) => "an `and` around the `not` can",
            _ => "it can stand in the list of all policies",
        };
        (!fine).then(|| {
            (
                format!("{} `{kind}` cannot stand inside {} `{}`", article(kind), article(self.name()), self.name()),
                remedy,
            )
        })
    }

    fn name(self) -> &'static str {
        match self {
            Place::Top => "policies",
            Place::And => "and",
            Place::Drop => "drop",
            Place::Not => "not",
            Place::Composite => "composite",
        }
    }
}

fn article(word: &str) -> &'static str {
    if word.starts_with('a') { "an" } else { "a" }
}
