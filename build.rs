//! Turns `proto/` into Rust, with a compiler written in Rust: no protoc. The pure floor needs none of it.

fn main() {
    #[cfg(feature = "sidecar")]
    stubs::generate();
}

#[cfg(feature = "sidecar")]
mod stubs {
    /// What stands in `proto/`.
    const FILES: [&str; 1] = ["tailwater/control/v1/control.proto"];

    pub fn generate() {
        println!("cargo::rerun-if-changed=build.rs");
        println!("cargo::rerun-if-changed=proto");
        let descriptors = match protox::compile(FILES, ["proto"]) {
            Ok(descriptors) => descriptors,
            Err(error) => panic!("proto/ does not compile: {error:?}"),
        };
        if let Err(error) = tonic_prost_build::configure().compile_fds(descriptors) {
            panic!("no stubs could be written: {error}");
        }
    }
}
