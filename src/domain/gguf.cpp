#include "domain/gguf.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <map>
#include <string_view>
#include <type_traits>

namespace gogrid::domain {
namespace {

static_assert(std::endian::native == std::endian::little, "GGUF is read in place as little-endian");

constexpr std::uint64_t max_metadata = 65'536;
constexpr std::uint64_t max_tensors = 1'000'000;
constexpr std::uint64_t max_key_bytes = 65'535;
constexpr std::uint64_t max_kept_text_bytes = 256;
constexpr std::uint32_t max_dimensions = 4;
// Bytes of the shortest metadata entry (key length, key, type, value) and tensor entry.
constexpr std::uint64_t min_metadata_bytes = 8 + 1 + 4 + 1;
constexpr std::uint64_t min_tensor_bytes = 8 + 1 + 4 + 8 + 4 + 8;

enum class Type : std::uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };

// 0 for strings, arrays and unknown types.
std::uint64_t fixed_bytes(std::uint32_t type) {
  constexpr std::array<std::uint8_t, 13> table = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return type < table.size() ? table[type] : 0;
}

struct TensorType {
  std::uint32_t id;
  const char* name;
  std::uint32_t block_elements;
  std::uint32_t block_bytes;
};
// ggml.h (enum ggml_type) and ggml-common.h (the block structures). Types that are missing here are served unchecked.
constexpr TensorType tensor_types[] = {
    {0, "F32", 1, 4},         {1, "F16", 1, 2},         {2, "Q4_0", 32, 18},      {3, "Q4_1", 32, 20},
    {6, "Q5_0", 32, 22},      {7, "Q5_1", 32, 24},      {8, "Q8_0", 32, 34},      {9, "Q8_1", 32, 36},
    {10, "Q2_K", 256, 84},    {11, "Q3_K", 256, 110},   {12, "Q4_K", 256, 144},   {13, "Q5_K", 256, 176},
    {14, "Q6_K", 256, 210},   {15, "Q8_K", 256, 292},   {16, "IQ2_XXS", 256, 66}, {17, "IQ2_XS", 256, 74},
    {18, "IQ3_XXS", 256, 98}, {19, "IQ1_S", 256, 50},   {20, "IQ4_NL", 32, 18},   {21, "IQ3_S", 256, 110},
    {22, "IQ2_S", 256, 82},   {23, "IQ4_XS", 256, 136}, {24, "I8", 1, 1},         {25, "I16", 1, 2},
    {26, "I32", 1, 4},        {27, "I64", 1, 8},        {28, "F64", 1, 8},        {29, "IQ1_M", 256, 56},
    {30, "BF16", 1, 2},       {34, "TQ1_0", 256, 54},   {35, "TQ2_0", 256, 66},   {39, "MXFP4", 32, 17},
};
constexpr std::uint32_t max_tensor_type = 255;

const TensorType* tensor_type(std::uint32_t id) {
  const auto* found =
      std::find_if(std::begin(tensor_types), std::end(tensor_types), [&](const auto& type) { return type.id == id; });
  return found == std::end(tensor_types) ? nullptr : found;
}

// llama.h, enum llama_ftype: general.file_type.
const char* file_type_name(std::uint64_t type) {
  constexpr std::array<const char*, 39> names = {
      "F32",    "F16",    "Q4_0",   "Q4_1",    "",       "",       "",       "Q8_0",   "Q5_0",  "Q5_1",
      "Q2_K",   "Q3_K_S", "Q3_K_M", "Q3_K_L",  "Q4_K_S", "Q4_K_M", "Q5_K_S", "Q5_K_M", "Q6_K",  "IQ2_XXS",
      "IQ2_XS", "Q2_K_S", "IQ3_XS", "IQ3_XXS", "IQ1_S",  "IQ4_NL", "IQ3_S",  "IQ3_M",  "IQ2_S", "IQ2_M",
      "IQ4_XS", "IQ1_M",  "BF16",   "",        "",       "",       "TQ1_0",  "TQ2_0",  "MXFP4"};
  return type < names.size() ? names[type] : "";
}

Error refuse(const std::string& what) { return Error(ErrorCode::invalid_argument, what); }

// Thrown nowhere: the reader remembers the first thing that went wrong, and reads zeros after it.
class Reader {
 public:
  Reader(std::span<const std::byte> prefix, std::uint64_t file_bytes) : prefix_(prefix), file_bytes_(file_bytes) {}

  bool ok() const { return state_ == State::ok; }
  bool needs_more() const { return state_ == State::needs_more; }
  const std::string& fault() const { return fault_; }
  std::uint64_t position() const { return position_; }
  std::uint64_t left_in_file() const { return file_bytes_ - position_; }

  void fail(std::string fault) {
    if (!ok()) return;
    state_ = State::failed;
    fault_ = std::move(fault);
  }

  template <class Number>
  Number number() {
    Number value{};
    const auto bytes = take(sizeof value);
    if (!bytes.empty()) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  std::string_view text(std::uint64_t limit_bytes, const char* what) {
    const auto length = number<std::uint64_t>();
    if (ok() && length > limit_bytes)
      fail(std::string("it is damaged: ") + what + " of " + std::to_string(length) + " bytes");
    const auto bytes = take(length);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  // `count` things of at least `each_bytes`.
  void skip(std::uint64_t count, std::uint64_t each_bytes) {
    if (!fits(count, each_bytes)) return;
    take(count * each_bytes);
  }
  bool fits(std::uint64_t count, std::uint64_t each_bytes) {
    if (ok() && count > left_in_file() / each_bytes)
      fail("it is truncated or damaged: its header promises more than the file holds");
    return ok();
  }

 private:
  enum class State { ok, needs_more, failed };

  std::span<const std::byte> take(std::uint64_t count) {
    if (!ok()) return {};
    if (count > left_in_file()) {
      fail("it is truncated or damaged: its header does not end within the file");
      return {};
    }
    if (count > prefix_.size() - position_) {
      state_ = State::needs_more;
      return {};
    }
    const auto bytes = prefix_.subspan(position_, count);
    position_ += count;
    return bytes;
  }

  std::span<const std::byte> prefix_;
  std::uint64_t file_bytes_;
  std::uint64_t position_ = 0;
  State state_ = State::ok;
  std::string fault_;
};

// A metadata value, as far as it is of use here.
struct Value {
  std::optional<std::int64_t> number;
  std::optional<std::string> text;
};

Value read_value(Reader& reader) {
  Value value;
  const auto type = reader.number<std::uint32_t>();
  switch (static_cast<Type>(type)) {
    case Type::u8:
      value.number = reader.number<std::uint8_t>();
      break;
    case Type::i8:
      value.number = reader.number<std::int8_t>();
      break;
    case Type::u16:
      value.number = reader.number<std::uint16_t>();
      break;
    case Type::i16:
      value.number = reader.number<std::int16_t>();
      break;
    case Type::u32:
      value.number = reader.number<std::uint32_t>();
      break;
    case Type::i32:
      value.number = reader.number<std::int32_t>();
      break;
    case Type::boolean:
      value.number = reader.number<std::uint8_t>();
      break;
    case Type::i64:
      value.number = reader.number<std::int64_t>();
      break;
    case Type::u64:
      value.number = static_cast<std::int64_t>(
          std::min<std::uint64_t>(reader.number<std::uint64_t>(), std::numeric_limits<std::int64_t>::max()));
      break;
    case Type::f32:
    case Type::f64:
      reader.skip(1, fixed_bytes(type));
      break;
    case Type::string:
      value.text = reader.text(std::numeric_limits<std::uint64_t>::max(), "a text").substr(0, max_kept_text_bytes);
      break;
    case Type::array: {
      const auto element = reader.number<std::uint32_t>();
      const auto count = reader.number<std::uint64_t>();
      if (element == static_cast<std::uint32_t>(Type::string)) {
        if (!reader.fits(count, sizeof(std::uint64_t))) break;
        for (std::uint64_t i = 0; i < count && reader.ok(); ++i)
          reader.text(std::numeric_limits<std::uint64_t>::max(), "a text");
      } else if (const auto each = fixed_bytes(element); each > 0) {
        reader.skip(count, each);
      } else {
        reader.fail("it is damaged: an array of type " + std::to_string(element));
      }
      break;
    }
    default:
      reader.fail("it is damaged: a value of type " + std::to_string(type));
  }
  return value;
}

std::uint32_t clamp_u32(std::int64_t number) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(number, 0, std::numeric_limits<std::uint32_t>::max()));
}

struct Metadata {
  std::map<std::string, std::int64_t, std::less<>> numbers;
  std::map<std::string, std::string, std::less<>> texts;

  std::int64_t number(const std::string& key, std::int64_t otherwise) const {
    const auto found = numbers.find(key);
    return found == numbers.end() ? otherwise : found->second;
  }
  std::string text(const std::string& key) const {
    const auto found = texts.find(key);
    return found == texts.end() ? "" : found->second;
  }
};

Metadata read_metadata(Reader& reader, std::uint64_t count) {
  Metadata metadata;
  if (!reader.fits(count, min_metadata_bytes)) return metadata;
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    std::string key(reader.text(max_key_bytes, "a key"));
    if (reader.ok() && key.empty()) reader.fail("it is damaged: an empty key");
    Value value = read_value(reader);
    if (!reader.ok()) break;
    if (value.number)
      metadata.numbers.emplace(std::move(key), *value.number);
    else if (value.text)
      metadata.texts.emplace(std::move(key), std::move(*value.text));
  }
  return metadata;
}

struct Tensors {
  std::uint64_t elements = 0;
  // Relative to the data's beginning, as far as the types are known.
  std::uint64_t end_bytes = 0;
  std::map<std::uint32_t, std::uint64_t> elements_by_type;
  bool has_classifier = false;
};

void read_tensor(Reader& reader, Tensors& tensors, std::uint64_t alignment) {
  const auto name = reader.text(max_key_bytes, "a tensor's name");
  const auto dimensions = reader.number<std::uint32_t>();
  if (reader.ok() && dimensions > max_dimensions)
    reader.fail("it is damaged: a tensor of " + std::to_string(dimensions) + " dimensions");
  std::uint64_t elements = 1;
  for (std::uint32_t i = 0; i < dimensions && reader.ok(); ++i) {
    const auto size = reader.number<std::uint64_t>();
    if (!reader.ok()) return;
    // 2^56 elements of any type overflow no product or sum below.
    if (size == 0 || elements > (std::uint64_t{1} << 56) / size)
      return reader.fail("it is damaged: a tensor of impossible size");
    elements *= size;
  }
  const auto type = reader.number<std::uint32_t>();
  const auto offset = reader.number<std::uint64_t>();
  if (!reader.ok()) return;
  if (type > max_tensor_type) return reader.fail("it is damaged: a tensor of type " + std::to_string(type));
  if (offset % alignment != 0) return reader.fail("it is damaged: a tensor is not aligned");
  if (tensors.elements > std::numeric_limits<std::int64_t>::max() - elements)
    return reader.fail("it is damaged: its tensors are too large");
  if (name == "cls.output.weight" || name == "cls.weight") tensors.has_classifier = true;
  tensors.elements += elements;
  tensors.elements_by_type[type] += elements;
  std::uint64_t bytes = 1;
  if (const TensorType* known = tensor_type(type)) {
    const std::uint64_t blocks = elements / known->block_elements + (elements % known->block_elements != 0);
    bytes = blocks * known->block_bytes;
  }
  if (offset > std::numeric_limits<std::uint64_t>::max() / 4) {
    return reader.fail("it is truncated or damaged: a tensor lies beyond the end of the file");
  }
  tensors.end_bytes = std::max(tensors.end_bytes, offset + bytes);
}

std::string quantization_of(const Metadata& metadata, const Tensors& tensors) {
  // Set on files whose file_type was only guessed by the converter.
  constexpr std::int64_t guessed = 1024;
  const auto file_type = metadata.number("general.file_type", -1);
  if (file_type >= 0) {
    if (std::string name = file_type_name(static_cast<std::uint64_t>(file_type % guessed)); !name.empty()) return name;
  }
  const auto most = std::max_element(tensors.elements_by_type.begin(), tensors.elements_by_type.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  const TensorType* type = most == tensors.elements_by_type.end() ? nullptr : tensor_type(most->first);
  return type ? type->name : "";
}

GgufHeader describe(std::uint32_t version, const Metadata& metadata, const Tensors& tensors) {
  GgufHeader header;
  header.version = version;
  header.architecture = metadata.text("general.architecture");
  header.name = metadata.text("general.name");
  header.quantization = quantization_of(metadata, tensors);
  header.parameters = tensors.elements;
  const std::string prefix = header.architecture + ".";
  header.context_length = clamp_u32(metadata.number(prefix + "context_length", 0));
  header.layers = clamp_u32(metadata.number(prefix + "block_count", 0));
  header.embedding_length = clamp_u32(metadata.number(prefix + "embedding_length", 0));
  if (metadata.numbers.contains(prefix + "pooling_type"))
    header.pooling_type = metadata.number(prefix + "pooling_type", 0);
  header.has_chat_template = metadata.texts.contains("tokenizer.chat_template");
  header.has_classifier = tensors.has_classifier;
  header.tokenizer_model = metadata.text("tokenizer.ggml.model");
  return header;
}

}  // namespace

ModelKind GgufHeader::kind() const {
  constexpr std::int64_t rank = 4;
  constexpr std::string_view encoders[] = {
      "bert",        "nomic-bert", "nomic-bert-moe", "jina-bert-v2",    "jina-bert-v3",
      "modern-bert", "neo-bert",   "t5encoder",      "gemma-embedding", "eurobert"};
  const bool is_encoder = std::find(std::begin(encoders), std::end(encoders), architecture) != std::end(encoders);
  if (pooling_type == rank || (is_encoder && has_classifier)) return ModelKind::rerank;
  if (is_encoder || pooling_type.value_or(0) > 0) return ModelKind::embedding;
  return ModelKind::chat;
}

Result<std::optional<GgufHeader>> parse_gguf(std::span<const std::byte> prefix, std::uint64_t file_bytes) {
  constexpr std::string_view magic = "GGUF";
  if (prefix.size() > file_bytes) prefix = prefix.first(file_bytes);
  const std::size_t seen = std::min(prefix.size(), magic.size());
  const std::string_view beginning(reinterpret_cast<const char*>(prefix.data()), seen);
  if (!magic.starts_with(beginning) || file_bytes < magic.size()) {
    return refuse("it is not a GGUF file: it does not begin with \"GGUF\"");
  }
  Reader reader(prefix, file_bytes);
  reader.skip(1, magic.size());
  const auto version = reader.number<std::uint32_t>();
  if (reader.ok() && version != 2 && version != 3) {
    return refuse("it is a GGUF file of version " + std::to_string(version) + "; versions 2 and 3 can be served");
  }
  const auto tensor_count = reader.number<std::uint64_t>();
  const auto metadata_count = reader.number<std::uint64_t>();
  if (reader.ok() && (metadata_count > max_metadata || tensor_count > max_tensors)) {
    return refuse("it is damaged: its header counts " + std::to_string(tensor_count) + " tensors and " +
                  std::to_string(metadata_count) + " metadata entries");
  }
  const Metadata metadata = read_metadata(reader, metadata_count);
  const std::int64_t alignment = metadata.number("general.alignment", 32);
  if (reader.ok() &&
      (alignment <= 0 || alignment > 65'536 || !std::has_single_bit(static_cast<std::uint64_t>(alignment)))) {
    return refuse("it is damaged: an alignment of " + std::to_string(alignment));
  }
  Tensors tensors;
  reader.fits(tensor_count, min_tensor_bytes);
  for (std::uint64_t i = 0; i < tensor_count && reader.ok(); ++i)
    read_tensor(reader, tensors, static_cast<std::uint64_t>(alignment));
  if (reader.needs_more()) return std::optional<GgufHeader>();
  if (!reader.ok()) return refuse(reader.fault());

  GgufHeader header = describe(version, metadata, tensors);
  if (header.architecture.empty())
    return refuse("its header does not say which architecture it is (general.architecture)");
  if (tensor_count == 0) return refuse("it holds no tensors: it is a vocabulary or a part of a model, not a model");
  if (metadata.number("split.count", 1) > 1) {
    return refuse("it is one part of a split model: join the parts first with llama-gguf-split --merge");
  }
  header.tensors = tensor_count;
  const auto mask = static_cast<std::uint64_t>(alignment) - 1;
  header.data_offset_bytes = (reader.position() + mask) & ~mask;
  const std::uint64_t wanted_bytes = header.data_offset_bytes + tensors.end_bytes;
  if (wanted_bytes > file_bytes) {
    return refuse("it is truncated: it has " + std::to_string(file_bytes) + " bytes of at least " +
                  std::to_string(wanted_bytes));
  }
  return std::optional<GgufHeader>(std::move(header));
}

}  // namespace gogrid::domain
