//! The browser client, embedded in the binary.

use rust_embed::RustEmbed;

/// The files of the client by their path, for example `app/main.js`.
#[derive(Debug, RustEmbed)]
#[folder = "client"]
pub struct Assets;

/// The files of the operator's page by their path, for example `timeline.js`.
#[derive(Debug, RustEmbed)]
#[folder = "admin"]
pub struct AdminAssets;
