//! Words of a closed list: the enumerations that XML attributes and elements are made of.

use std::fmt;

/// An enumeration whose every variant is one word in XML. Made by the `tokens!` macro only.
pub trait Token: Copy + Eq + fmt::Debug + fmt::Display + 'static {
    /// Every variant, in the order of declaration.
    const ALL: &'static [Self];

    /// The word that XML has for it.
    fn as_str(self) -> &'static str;

    /// The variant that `word` stands for.
    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|t| t.as_str() == word)
    }
}

/// Declares enumerations together with their words, so that neither reader nor writer can forget one:
/// `tokens! { /// Doc. pub enum Bus { Ide = "ide", Scsi = "scsi" } }`.
///
/// Each gets `Token`, `Display`, `Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash`; the
/// documentation of a variant is its word. Extra attributes (`#[derive(Default)]`, `#[default]`) pass through.
macro_rules! tokens {
    ($($(#[$meta:meta])* pub enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal),+ $(,)? })+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$vmeta])* #[doc = concat!("`", $word, "`")] $variant,)+
        }

        impl $crate::Token for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str($crate::Token::as_str(*self))
            }
        }
    )+};
}

#[cfg(test)]
mod tests {
    use super::Token;

    tokens! {
        /// Two words.
        #[derive(Default)]
        pub enum Fruit { #[default] Apple = "apple", BloodOrange = "blood-orange" }
    }

    #[test]
    fn words_map_both_ways() {
        assert_eq!(Fruit::from_word("blood-orange"), Some(Fruit::BloodOrange));
        assert_eq!(Fruit::from_word("pear"), None);
        assert_eq!(Fruit::default().to_string(), "apple");
        assert_eq!(Fruit::ALL.len(), 2);
    }
}
