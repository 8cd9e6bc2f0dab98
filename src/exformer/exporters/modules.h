// Running programs: the embedded interpreter for `.pt2`, ONNX Runtime for `.onnx`.
#pragma once

#include <filesystem>
#include <memory>

#include "exformer/exporters/exported_model.h"

namespace exformer {

std::unique_ptr<ProgramModule> make_interpreter_module(std::shared_ptr<const ExportedProgram> program);
/// Opens the file with ONNX Runtime, which is looked for at run time; without it an ExportError says how to get it.
std::unique_ptr<ProgramModule> make_onnx_module(const std::filesystem::path& path);
/// The same for a model that is only in memory.
std::unique_ptr<ProgramModule> make_onnx_module(const OnnxModel& model);

}  // namespace exformer
