// Everything that a program needs to export checkpoints and to run the results.
#pragma once

#include "exformer/base/error.h"
#include "exformer/checkpoint/safetensors.h"
#include "exformer/exporters/auto_model.h"
#include "exformer/exporters/configs.h"
#include "exformer/exporters/exported_model.h"
#include "exformer/exporters/exporter.h"
#include "exformer/exporters/inspect.h"
#include "exformer/exporters/version.h"
