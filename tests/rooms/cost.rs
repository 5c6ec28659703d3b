//! What forwarding costs.

use std::process::Command;

/// Counted by valgrind, so that it does not depend on what else the machine does.
#[test]
fn forwarding_a_packet_takes_no_more_instructions_than_its_bound() {
    let instructions = env!("CARGO_BIN_EXE_instructions");
    let output = Command::new(instructions).arg("--check").output();
    let output = output.expect("it was built with this test");
    let told = String::from_utf8_lossy(&output.stdout);
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}{why}");
}
