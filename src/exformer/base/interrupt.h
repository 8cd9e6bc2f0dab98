// A request from outside (SIGINT, SIGTERM) to end: long writes notice it and fail, so that what was staged is removed.
#pragma once

namespace exformer {

/// Safe to call from a signal handler.
void request_interrupt() noexcept;
/// Throws ExportError when an interrupt has been requested.
void throw_if_interrupted();

}  // namespace exformer
