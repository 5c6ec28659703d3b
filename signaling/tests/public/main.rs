//! What the crate promises, checked at its public API.

mod document;
mod drain;
mod garbage;
mod history;
mod http;
mod ice_servers;
mod limits;
mod meeting;
mod passwords;
mod refusals;
mod resume;
mod showing;
mod tokens;
mod world;
