// The points of the hook, and the host that they are given. What they do is in logic.js, which knows no component and is tested in Node.

import * as archive from "pressroom:hooks/archive@0.1.0";
@if pre-publication
import * as config from "pressroom:hooks/config@0.1.0";
@end
@if pass
import * as log from "pressroom:hooks/log@0.1.0";
@end
@if pre-publication
import * as staging from "pressroom:hooks/staging@0.1.0";
@end
@if finalize
import * as state from "pressroom:hooks/state@0.1.0";
@end
import * as logic from "./logic.js";

const host = { {{js-imports}} };

@if pre-publication
export const prePublication = { run: (context) => logic.prePublication(context, host) };
@end
@if post-publication
export const postPublication = { run: (context) => logic.postPublication(context, host) };
@end
@if finalize
export const finalize = { run: (context) => logic.finalize(context, host) };
@end
