//! The server as whoever runs it and whoever connects to it sees it, on each runtime.

mod common;
mod crowd;
mod embedded;
mod https;
mod media;
mod pages;
mod rooms;
mod start;
mod stop;
