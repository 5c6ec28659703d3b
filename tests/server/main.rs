//! The server as whoever runs it and whoever connects to it sees it, on each runtime.

mod acme;
mod common;
mod crowd;
mod embedded;
mod guards;
mod history;
mod https;
mod logs;
mod media;
mod packaging;
mod pages;
mod rooms;
mod shards;
mod start;
mod stop;
mod watch;
