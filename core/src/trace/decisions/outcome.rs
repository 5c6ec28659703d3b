//! What calls give.

use serde::{Deserialize, Serialize};

use super::call::redacted_error;
use crate::ids::Source;
use crate::output::CommandError;
use crate::sfu::Found;
use crate::trace::cursor::{Cursor, put_value};
use crate::trace::format::Damage;
use crate::transport::{AnswerResult, Description, Line, SendLine};

/// The result of a call into a connection, as far as decisions depend on it.
pub(crate) trait Outcome: Sized {
    /// What calls of this kind mostly give. That costs nothing in a trace.
    fn plain() -> Option<Self>;

    fn is_plain(&self) -> bool;

    fn put(&self, buffer: &mut Vec<u8>);

    fn read(cursor: &mut Cursor<'_>) -> Result<Self, Damage>;
}

impl Outcome for () {
    fn plain() -> Option<Self> {
        Some(())
    }

    fn is_plain(&self) -> bool {
        true
    }

    fn put(&self, _: &mut Vec<u8>) {}

    fn read(_: &mut Cursor<'_>) -> Result<Self, Damage> {
        Ok(())
    }
}

/// Something that was found out: mostly, that it is so.
impl Outcome for bool {
    fn plain() -> Option<Self> {
        Some(true)
    }

    fn is_plain(&self) -> bool {
        *self
    }

    fn put(&self, _: &mut Vec<u8>) {}

    fn read(_: &mut Cursor<'_>) -> Result<Self, Damage> {
        Ok(false)
    }
}

impl Outcome for AnswerResult {
    fn plain() -> Option<Self> {
        Some(Ok(()))
    }

    fn is_plain(&self) -> bool {
        self.is_ok()
    }

    fn put(&self, buffer: &mut Vec<u8>) {
        if let Err(error) = self {
            put_value(buffer, &redacted_error(error));
        }
    }

    fn read(cursor: &mut Cursor<'_>) -> Result<Self, Damage> {
        Ok(Err(cursor.value::<CommandError>()?))
    }
}

/// Freezes that are to be told: mostly none.
impl Outcome for Found {
    fn plain() -> Option<Self> {
        Some(Found::default())
    }

    fn is_plain(&self) -> bool {
        self.freezes.is_empty() && self.stuck.is_empty()
    }

    fn put(&self, buffer: &mut Vec<u8>) {
        put_value(buffer, self);
    }

    fn read(cursor: &mut Cursor<'_>) -> Result<Self, Damage> {
        cursor.value()
    }
}

/// Types whose every value is written out.
macro_rules! written_out {
    ($($type:ty),*) => {$(
        impl Outcome for $type {
            fn plain() -> Option<Self> {
                None
            }

            fn is_plain(&self) -> bool {
                false
            }

            fn put(&self, buffer: &mut Vec<u8>) {
                put_value(buffer, self);
            }

            fn read(cursor: &mut Cursor<'_>) -> Result<Self, Damage> {
                cursor.value()
            }
        }
    )*};
}

/// A connection was made, with its first offer.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Made {
    pub(crate) offer: Description,
    /// The m-lines on which it sends, by source.
    pub(crate) publish: [Line; Source::ALL.len()],
    /// The server's candidates that are to be trickled; redacted, because they are addresses.
    #[serde(with = "count")]
    pub(crate) candidates: Vec<String>,
}

written_out!(Option<SendLine>, Description, Made);

mod count {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ptr_arg, reason = "what serde calls")]
    pub(super) fn serialize<S: Serializer>(
        strings: &Vec<String>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        (strings.len() as u8).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<String>, D::Error> {
        let count = u8::deserialize(deserializer)?;
        Ok(vec![String::new(); count.into()])
    }
}
