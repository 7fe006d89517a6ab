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
    use crate::domain::os::{Arch, OsType};

    #[test]
    fn words_map_both_ways() {
        assert_eq!(Arch::from_word("x86_64"), Some(Arch::X86_64));
        assert_eq!(Arch::from_word("pear"), None);
        assert_eq!(OsType::default().to_string(), "hvm");
        assert!(Arch::ALL.contains(&Arch::S390x));
    }
}
