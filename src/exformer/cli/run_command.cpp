#include <cstdio>

#include "exformer/base/error.h"
#include "exformer/checkpoint/safetensors.h"
#include "exformer/cli/commands.h"
#include "exformer/exporters/exported_model.h"

namespace exformer::cli {

Json run_program(const RunOptions& options, const CommonOptions& common) {
  const ExportedModel exported = ExportedModel::from_pretrained(options.program);
  const NamedTensors outputs = exported(read_safetensors(options.inputs));
  if (!options.output.empty()) {
    StagedFile staged(options.output);
    write_safetensors(staged.path(), outputs);
    staged.commit();
  }
  Json result = Json::object();
  for (const auto& [name, tensor] : outputs) {
    result[name] = {{"shape", tensor.sizes()}, {"dtype", dtype_name(tensor.dtype())}};
    if (!common.quiet && !common.json) {
      std::printf("%s %s %s\n", name.c_str(), std::string(dtype_name(tensor.dtype())).c_str(),
                  Json(tensor.sizes()).dump().c_str());
    }
  }
  return {{"outputs", result}};
}

}  // namespace exformer::cli
