#!/bin/sh
# Everything that has to hold before a change is taken: the tests of the code, the build, and the built component against fixtures/.
# PRESSROOM names the binary where `pressroom` is not on the search path.
set -eu
cd "$(dirname "$0")"
pressroom=${PRESSROOM:-pressroom}

@if rust
# one profile for both, so that the macros are built once
cargo test --release
cargo build --release --target wasm32-wasip2
component=${CARGO_TARGET_DIR:-target}/wasm32-wasip2/release/{{crate}}.wasm
@end
@if python
python3 -m unittest discover --start-directory tests
./build.sh
component={{name}}.wasm
@end
@if javascript
[ -d node_modules ] || npm ci
npm test
npm run build
component={{name}}.wasm
@end
"$pressroom" hook check "$component" --manifest hook.toml
"$pressroom" hook test "$component"
