//! The right word nearest to a wrong one.

/// The one of `words` that is fewest changes away, if they are few for its length.
pub(super) fn nearest<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if WORD_MAX < word.len() {
        return None;
    }
    let lower = word.to_ascii_lowercase();
    let changes = |right: &str| changes(&lower, &right.to_ascii_lowercase());
    let best = words.into_iter().map(|right| (changes(right), right)).min_by_key(|(changes, _)| *changes)?;
    (best.0 <= 1 + word.len() / 4).then_some(best.1)
}

/// How many letters are to be put in, taken out or replaced.
fn changes(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, letter) in from.chars().enumerate() {
        let mut corner = row[0];
        row[0] = line + 1;
        for (column, other) in to.iter().enumerate() {
            let replaced = corner + usize::from(letter != *other);
            corner = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(corner + 1);
        }
    }
    row[to.len()]
}

/// Longest word, in bytes, that is looked for.
const WORD_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_near_or_none() {
        let words = || ["attributes", "name", "kind", "status.code"];
        assert_eq!(nearest("atributes", words()), Some("attributes"));
        assert_eq!(nearest("Name", words()), Some("name"));
        assert_eq!(nearest("statuscode", words()), Some("status.code"));
        assert_eq!(nearest("duration", words()), None);
    }
}
