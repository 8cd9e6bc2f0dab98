// transformers' ACT2FN: activation functions by the names that config.json uses.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "exformer/nn/module.h"

namespace exformer {

using Activation = std::function<Tensor(const Tensor&)>;

/// The activation of that name at this place of the model (prelu and xielu have parameters there). Unknown names throw
/// ExportError (Unsupported) with the nearest ones.
Activation make_activation(const std::string& name, const Scope& scope);
/// Every name of ACT2FN.
std::vector<std::string> activation_names();

}  // namespace exformer
