#include "exformer/models/family.h"

#include "exformer/base/strings.h"

namespace exformer {

#define FAMILY(name) ModelFamily name();
#include "exformer/models/families.inc"
#undef FAMILY

const std::vector<ModelFamily>& model_families() {
  static const std::vector<ModelFamily> kFamilies = {
#define FAMILY(name) name(),
#include "exformer/models/families.inc"
#undef FAMILY
  };
  return kFamilies;
}

const ModelFamily& find_family(const std::string& model_type) {
  std::vector<std::string> names;
  for (const ModelFamily& family : model_families()) {
    if (family.model_type == model_type) return family;
    names.push_back(family.model_type);
  }
  const std::string nearest = nearest_hint(model_type, names);
  unsupported("model_type '{}' is not in the zoo{}; supported: {}", model_type, nearest, join(names, ", "));
}

const Architecture& find_architecture(const ModelFamily& family, const std::string& class_name) {
  std::vector<std::string> names;
  for (const Architecture& architecture : family.architectures) {
    if (architecture.name == class_name) return architecture;
    names.push_back(architecture.name);
  }
  unsupported("architecture '{}' of model_type '{}' is not supported{}; supported: {}", class_name, family.model_type,
              nearest_hint(class_name, names), join(names, ", "));
}

const Architecture& find_architecture(const ModelFamily& family, Task task) {
  std::vector<std::string> names;
  for (const Architecture& architecture : family.architectures) {
    if (architecture.task == task) return architecture;
    names.emplace_back(task_name(architecture.task));
  }
  unsupported("model_type '{}' has no architecture for the task '{}'; supported: {}", family.model_type,
              task_name(task), join(names, ", "));
}

}  // namespace exformer
