//! The engine: one configuration for the process that compiles and the one that loads, so that artefacts fit; and their key.

use std::hash::{Hash, Hasher};

use sha2::Digest as _;
use wasmtime::{Config, Engine, WasmBacktraceDetails};

use crate::{Sha256, limits::Limits};

/// What the host's own functions may take of the stack beyond the guest's share.
const HOST_STACK_BYTES: usize = 1 << 20;

/// Whether compiled code counts what it does. That makes it slower and other code, so a publication never does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Metering {
    /// It does not.
    Off,
    /// It counts instructions, as fuel.
    Fuel,
}

/// The engine for calls with these limits. Of them only the stack concerns the engine, and compiled code does not depend on it.
///
/// # Errors
/// When the configuration does not suit this machine.
pub(crate) fn engine(limits: &Limits, metering: Metering) -> wasmtime::Result<Engine> {
    let stack_bytes = limits.stack_bytes as usize;
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .consume_fuel(metering == Metering::Fuel)
        .max_wasm_stack(stack_bytes)
        .async_stack_size(stack_bytes + HOST_STACK_BYTES)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        // What nobody needs is a way in that nobody watches.
        .wasm_memory64(false)
        .wasm_relaxed_simd(false)
        .wasm_custom_page_sizes(false)
        // The guest must not tell two machines apart by the bits of a NaN: the same run gives the same bytes.
        .cranelift_nan_canonicalization(true)
        // Shared images of memory are files, which a worker may not write, and it has nobody to share them with.
        .memory_init_cow(false);
    Engine::new(&config)
}

/// The name of a component's artefact for this engine and this machine: when either changes, so does the name, and the component is
/// to be compiled again.
pub fn artefact_key(component: &Sha256) -> String {
    /// Turns what is hashed into a digest that is the same in every build of this program.
    struct Digest(sha2::Sha256);
    impl Hasher for Digest {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            let digest = self.0.clone().finalize();
            u64::from_le_bytes([
                digest[0], digest[1], digest[2], digest[3], digest[4], digest[5], digest[6], digest[7],
            ])
        }
    }
    let mut digest = Digest(sha2::Sha256::new());
    match engine(&Limits::default(), Metering::Off) {
        Ok(engine) => engine.precompile_compatibility_hash().hash(&mut digest),
        // No engine, so no artefact will ever load: any name will do until the worker says why.
        Err(error) => error.to_string().hash(&mut digest),
    }
    format!("{component}-{:016x}", digest.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_the_component_and_is_stable() {
        let component = Sha256::of(b"abc");
        let key = artefact_key(&component);
        assert_eq!(key, artefact_key(&component));
        assert!(key.starts_with(&component.to_string()));
        assert_ne!(key, artefact_key(&Sha256::of(b"abd")));
    }

    #[test]
    fn limits_do_not_change_what_code_is_compatible() {
        let hash = |limits, metering| {
            let mut hasher = std::hash::DefaultHasher::new();
            engine(&limits, metering).unwrap().precompile_compatibility_hash().hash(&mut hasher);
            hasher.finish()
        };
        let default = || hash(Limits::default(), Metering::Off);
        assert_eq!(default(), hash(Limits { stack_bytes: 1 << 19, ..Limits::default() }, Metering::Off));
        assert_ne!(
            default(),
            hash(Limits::default(), Metering::Fuel),
            "metered code is never taken for the other"
        );
    }
}
