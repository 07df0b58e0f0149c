//! What is generated from `wit/`: the imports once, and one small world for each point, so that a hook exports the points that it names
//! and no others.

#![allow(unsafe_code, missing_docs, unreachable_pub, clippy::all, reason = "made by a macro")]

/// All that the host offers. What a hook does not use is left out of its component.
pub mod imports {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package pressroom:plugin;
            world imports {
                include pressroom:hooks/imports@0.1.0;
                import pressroom:hooks/staging@0.1.0;
                import pressroom:hooks/signing@0.1.0;
            }
        ",
        additional_derives: [PartialEq, Eq, PartialOrd, Ord, Hash],
        generate_all,
    });
}

/// The export of the pre-publication point.
pub mod pre_publication {
    wit_bindgen::generate!({
        path: "../wit",
        world: "pre-publication-hook",
        pub_export_macro: true,
        export_macro_name: "export_pre_publication",
        with: {
            "pressroom:hooks/types@0.1.0": crate::bindings::imports::pressroom::hooks::types,
            "pressroom:hooks/log@0.1.0": crate::bindings::imports::pressroom::hooks::log,
            "pressroom:hooks/archive@0.1.0": crate::bindings::imports::pressroom::hooks::archive,
            "pressroom:hooks/journal@0.1.0": crate::bindings::imports::pressroom::hooks::journal,
            "pressroom:hooks/config@0.1.0": crate::bindings::imports::pressroom::hooks::config,
            "pressroom:hooks/state@0.1.0": crate::bindings::imports::pressroom::hooks::state,
            "pressroom:hooks/staging@0.1.0": crate::bindings::imports::pressroom::hooks::staging,
            "pressroom:hooks/signing@0.1.0": crate::bindings::imports::pressroom::hooks::signing,
        },
    });
}

/// The export of the post-publication point.
pub mod post_publication {
    wit_bindgen::generate!({
        path: "../wit",
        world: "post-publication-hook",
        pub_export_macro: true,
        export_macro_name: "export_post_publication",
        with: {
            "pressroom:hooks/types@0.1.0": crate::bindings::imports::pressroom::hooks::types,
            "pressroom:hooks/log@0.1.0": crate::bindings::imports::pressroom::hooks::log,
            "pressroom:hooks/archive@0.1.0": crate::bindings::imports::pressroom::hooks::archive,
            "pressroom:hooks/journal@0.1.0": crate::bindings::imports::pressroom::hooks::journal,
            "pressroom:hooks/config@0.1.0": crate::bindings::imports::pressroom::hooks::config,
            "pressroom:hooks/state@0.1.0": crate::bindings::imports::pressroom::hooks::state,
        },
    });
}

/// The export of the finalize point.
pub mod finalize {
    wit_bindgen::generate!({
        path: "../wit",
        world: "finalize-hook",
        pub_export_macro: true,
        export_macro_name: "export_finalize",
        with: {
            "pressroom:hooks/types@0.1.0": crate::bindings::imports::pressroom::hooks::types,
            "pressroom:hooks/log@0.1.0": crate::bindings::imports::pressroom::hooks::log,
            "pressroom:hooks/archive@0.1.0": crate::bindings::imports::pressroom::hooks::archive,
            "pressroom:hooks/journal@0.1.0": crate::bindings::imports::pressroom::hooks::journal,
            "pressroom:hooks/config@0.1.0": crate::bindings::imports::pressroom::hooks::config,
            "pressroom:hooks/state@0.1.0": crate::bindings::imports::pressroom::hooks::state,
        },
    });
}
