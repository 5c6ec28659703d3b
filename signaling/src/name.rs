//! The name that a participant shows to others.

use std::fmt;

/// A name that can be shown on one line: trimmed, visible, not longer than the limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

/// Why a text is not a [`Name`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// Nothing that can be seen.
    #[error("Please give a name.")]
    Empty,
    /// Too long.
    #[error("A name has at most {limit} characters.")]
    TooLong {
        /// The most that is allowed, in characters (Unicode scalar values).
        limit: usize,
    },
    /// A line end, a text-direction override or another control character.
    #[error("A name has no control characters.")]
    Control,
}

impl Name {
    /// Trims `text` and takes it as a name of at most `limit` characters.
    pub fn parse(text: &str, limit: usize) -> Result<Self, BadName> {
        let text = text.trim();
        if !text.chars().any(is_visible) {
            return Err(BadName::Empty);
        }
        if text.chars().nth(limit).is_some() {
            return Err(BadName::TooLong { limit });
        }
        if text.chars().any(is_control) {
            return Err(BadName::Control);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Also what breaks the line or turns its direction: with those, one person's name could rewrite
/// how others read the page around it (Unicode Standard Annex 9).
fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Zero-width characters join emoji and shape scripts, but alone they are an empty name.
fn is_visible(c: char) -> bool {
    !c.is_whitespace()
        && !matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{2064}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_world_are_names() {
        for name in ["Ren", "二宮 蓮", "Zoë", "Ωμέγα", "👩‍👩‍👧", "O’Neill", "x"]
        {
            assert_eq!(
                Name::parse(name, 40).map(|n| n.to_string()),
                Ok(name.into())
            );
        }
        let long = "あ".repeat(40);
        assert_eq!(Name::parse(&long, 40).map(|n| n.0), Ok(long));
    }

    #[test]
    fn a_name_is_trimmed() {
        assert_eq!(Name::parse("  Ren\n", 3), Ok(Name("Ren".into())));
    }

    #[test]
    fn what_cannot_be_shown_is_no_name() {
        for empty in ["", "   ", "\u{200B}", "\u{FEFF} \u{2060}"] {
            assert_eq!(Name::parse(empty, 40), Err(BadName::Empty), "{empty:?}");
        }
        for control in ["a\nb", "a\0b", "a\u{202E}b", "a\u{2028}b", "\u{7}x"] {
            assert_eq!(
                Name::parse(control, 40),
                Err(BadName::Control),
                "{control:?}"
            );
        }
        let long = "あ".repeat(41);
        assert_eq!(Name::parse(&long, 40), Err(BadName::TooLong { limit: 40 }));
    }
}
