// One file's contents under a second name, without a copy.
#pragma once

#include <filesystem>

namespace exformer {

/// Makes `target` hold the bytes of `source`: a reflink where the file system has them, else a hard link to the file
/// behind any symbolic links. Returns false when both are the same file already. Throws ExportError when `target` is
/// another file, or when the two lie on different file systems.
bool share_file(const std::filesystem::path& source, const std::filesystem::path& target);

}  // namespace exformer
