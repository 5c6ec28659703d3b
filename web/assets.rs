//! The browser client, embedded in the binary.

use rust_embed::RustEmbed;

/// The files of the client by their path, for example `app/main.js`.
#[derive(Debug, RustEmbed)]
#[folder = "client"]
pub struct Assets;
