//! Options of the history.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, value_parser};

use super::Keeping;
use crate::options::socket_address;

/// What is kept of meetings that are over.
#[derive(Clone, Debug, Args)]
pub struct HistoryOptions {
    /// Keep a history of meetings in this file (SQLite): who was there, who saw what of whom, and what
    /// froze and why. `tsuji why` and --admin read it
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,

    /// Answer /admin on this address (TCP): a page for the operator that shows the meetings of --history,
    /// what everybody saw, and why pictures froze. It should be reached by nobody else
    #[arg(long, value_name = "ADDR:PORT", requires = "history", value_parser = socket_address)]
    pub admin: Option<SocketAddr>,

    /// Forget meetings after so many days
    #[arg(
        long,
        value_name = "DAYS",
        default_value_t = 30,
        value_parser = value_parser!(u32).range(1..=3_650)
    )]
    pub history_days: u32,

    /// Mebibytes of the history: the oldest meetings make room for new ones
    #[arg(
        long,
        value_name = "MIB",
        default_value_t = 256,
        value_parser = value_parser!(u32).range(1..=1_000_000)
    )]
    pub history_size: u32,

    /// Keep the addresses that people come from. Otherwise each gets a name, by which only the same
    /// can be told from another
    #[arg(long)]
    pub history_addresses: bool,
}

impl HistoryOptions {
    /// How long, and what of.
    pub(crate) fn keeping(&self) -> Keeping {
        Keeping {
            age: Duration::from_secs(u64::from(self.history_days) * 24 * 60 * 60),
            bytes: u64::from(self.history_size) << 20,
            addresses: self.history_addresses,
        }
    }
}
