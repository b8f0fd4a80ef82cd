#include "domain/gguf.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <map>
#include <string_view>
#include <utility>

namespace gogrid::domain {
namespace {

static_assert(std::endian::native == std::endian::little, "GGUF is read in place as little-endian");

constexpr std::uint64_t max_metadata = 65'536;
constexpr std::uint64_t max_tensors = 1'000'000;
constexpr std::uint64_t max_key_bytes = 65'535;
constexpr std::uint64_t max_kept_text_bytes = 256;
constexpr std::uint32_t max_dimensions = 4;
// What any model has of these, many times over: no product of them overflows.
constexpr std::int64_t max_layers = 4096;
constexpr std::int64_t max_heads = 65'536;
constexpr std::int64_t max_head_length = 65'536;
constexpr std::int64_t max_split_files = 1024;
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
  // Of an array.
  std::optional<std::uint64_t> count;
  std::vector<std::int64_t> numbers;
};

std::int64_t to_signed(std::uint64_t number) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(number, std::numeric_limits<std::int64_t>::max()));
}

// nullopt for a type that is no whole number: nothing was read.
std::optional<std::int64_t> read_integer(Reader& reader, Type type) {
  switch (type) {
    case Type::u8:
    case Type::boolean:
      return reader.number<std::uint8_t>();
    case Type::i8:
      return reader.number<std::int8_t>();
    case Type::u16:
      return reader.number<std::uint16_t>();
    case Type::i16:
      return reader.number<std::int16_t>();
    case Type::u32:
      return reader.number<std::uint32_t>();
    case Type::i32:
      return reader.number<std::int32_t>();
    case Type::i64:
      return reader.number<std::int64_t>();
    case Type::u64:
      return to_signed(reader.number<std::uint64_t>());
    default:
      return std::nullopt;
  }
}

void read_array(Reader& reader, Value& value, bool keep_numbers) {
  const auto element = reader.number<std::uint32_t>();
  const auto count = reader.number<std::uint64_t>();
  value.count = count;
  if (element == static_cast<std::uint32_t>(Type::string)) {
    if (!reader.fits(count, sizeof(std::uint64_t))) return;
    for (std::uint64_t i = 0; i < count && reader.ok(); ++i)
      reader.text(std::numeric_limits<std::uint64_t>::max(), "a text");
    return;
  }
  const auto each = fixed_bytes(element);
  if (each == 0) return reader.fail("it is damaged: an array of type " + std::to_string(element));
  if (!keep_numbers || count > static_cast<std::uint64_t>(max_layers)) return reader.skip(count, each);
  if (!reader.fits(count, each)) return;
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    const auto number = read_integer(reader, static_cast<Type>(element));
    if (!number) return reader.skip(count - i, each);
    value.numbers.push_back(*number);
  }
}

// `keep_numbers`: those of an array, if they are whole.
Value read_value(Reader& reader, bool keep_numbers) {
  Value value;
  const auto type = reader.number<std::uint32_t>();
  if ((value.number = read_integer(reader, static_cast<Type>(type)))) return value;
  switch (static_cast<Type>(type)) {
    case Type::f32:
    case Type::f64:
      reader.skip(1, fixed_bytes(type));
      break;
    case Type::string:
      value.text = reader.text(std::numeric_limits<std::uint64_t>::max(), "a text").substr(0, max_kept_text_bytes);
      break;
    case Type::array:
      read_array(reader, value, keep_numbers);
      break;
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
  // Of arrays that are kept (see is_kept_array).
  std::map<std::string, std::vector<std::int64_t>, std::less<>> lists;
  std::map<std::string, std::uint64_t, std::less<>> counts;

  std::int64_t number(const std::string& key, std::int64_t otherwise) const {
    const auto found = numbers.find(key);
    return found == numbers.end() ? otherwise : found->second;
  }
  std::string text(const std::string& key) const {
    const auto found = texts.find(key);
    return found == texts.end() ? "" : found->second;
  }
};

// What a model has for each of its layers; other arrays can be of any size and are of no use here.
bool is_kept_array(std::string_view key) {
  return key.ends_with(".attention.head_count_kv") || key.ends_with(".attention.head_count");
}

Metadata read_metadata(Reader& reader, std::uint64_t count) {
  Metadata metadata;
  if (!reader.fits(count, min_metadata_bytes)) return metadata;
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    std::string key(reader.text(max_key_bytes, "a key"));
    if (reader.ok() && key.empty()) reader.fail("it is damaged: an empty key");
    const bool keep_numbers = is_kept_array(key);
    Value value = read_value(reader, keep_numbers);
    if (!reader.ok()) break;
    if (value.count) {
      if (keep_numbers) metadata.lists.emplace(key, std::move(value.numbers));
      if (key == "tokenizer.ggml.tokens") metadata.counts.emplace(std::move(key), *value.count);
    } else if (value.number)
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

// The architecture's metadata on its attention, each within its bound.
class AttentionFacts {
 public:
  AttentionFacts(Reader& reader, const Metadata& metadata, std::string prefix)
      : reader_(reader), metadata_(metadata), prefix_(std::move(prefix)) {}

  std::int64_t bounded(const std::string& key, std::int64_t otherwise, std::int64_t most) {
    const std::int64_t number = metadata_.number(prefix_ + key, otherwise);
    return check(key, number, most);
  }
  // The same number for each layer, or an array.
  std::int64_t of_layer(const std::string& key, std::size_t layer, std::int64_t otherwise, std::int64_t most) {
    const auto list = metadata_.lists.find(prefix_ + key);
    if (list == metadata_.lists.end()) return bounded(key, otherwise, most);
    if (layer >= list->second.size()) return 0;
    return check(key, list->second[layer], most);
  }

 private:
  std::int64_t check(const std::string& key, std::int64_t number, std::int64_t most) {
    if (number >= 0 && number <= most) return number;
    reader_.fail("it is damaged: " + prefix_ + key + " is " + std::to_string(number));
    return 0;
  }

  Reader& reader_;
  const Metadata& metadata_;
  std::string prefix_;
};

// As llama.cpp reckons it; layers with a sliding window are counted in full.
std::uint64_t kv_bytes_per_token(AttentionFacts& facts, std::int64_t layers, std::uint32_t embedding_length) {
  constexpr std::uint64_t f16_bytes = 2;
  std::uint64_t bytes = 0;
  for (std::int64_t layer = 0; layer < layers; ++layer) {
    const auto index = static_cast<std::size_t>(layer);
    const std::int64_t heads = facts.of_layer("attention.head_count", index, 0, max_heads);
    const std::int64_t kv_heads = facts.of_layer("attention.head_count_kv", index, heads, max_heads);
    const std::int64_t usual = heads == 0 ? 0 : std::min<std::int64_t>(embedding_length / heads, max_head_length);
    const std::int64_t key = facts.bounded("attention.key_length", usual, max_head_length);
    const std::int64_t value = facts.bounded("attention.value_length", usual, max_head_length);
    bytes += static_cast<std::uint64_t>(kv_heads) * static_cast<std::uint64_t>(key + value) * f16_bytes;
  }
  return bytes;
}

bool is_encoder(std::string_view architecture) {
  constexpr std::string_view encoders[] = {
      "bert",        "nomic-bert", "nomic-bert-moe", "jina-bert-v2",    "jina-bert-v3",
      "modern-bert", "neo-bert",   "t5encoder",      "gemma-embedding", "eurobert"};
  return std::find(std::begin(encoders), std::end(encoders), architecture) != std::end(encoders);
}

FileRole role_of(const Metadata& metadata, const std::string& architecture) {
  const std::string type = metadata.text("general.type");
  if (type == "adapter") return FileRole::adapter;
  // Older projectors have no type.
  if (type == "mmproj" || architecture == "clip") return FileRole::projector;
  return FileRole::weights;
}

void read_split(Reader& reader, const Metadata& metadata, GgufHeader& header) {
  const std::int64_t count = metadata.number("split.count", 1);
  const std::int64_t number = metadata.number("split.no", 0);
  // llama-gguf-split writes 0 of a file that it merged.
  if (count <= 1) return;
  if (count > max_split_files || number < 0 || number >= count) {
    return reader.fail("it is damaged: it says it is part " + std::to_string(number) + " of " + std::to_string(count));
  }
  header.split_number = clamp_u32(number);
  header.split_count = clamp_u32(count);
  header.split_tensors =
      static_cast<std::uint64_t>(std::max<std::int64_t>(metadata.number("split.tensors.count", 0), 0));
}

GgufHeader describe(Reader& reader, std::uint32_t version, const Metadata& metadata, const Tensors& tensors) {
  GgufHeader header;
  header.version = version;
  header.architecture = metadata.text("general.architecture");
  header.name = metadata.text("general.name");
  header.quantization = quantization_of(metadata, tensors);
  header.parameters = tensors.elements;
  header.role = role_of(metadata, header.architecture);
  const std::string prefix = header.architecture + ".";
  header.context_length = clamp_u32(metadata.number(prefix + "context_length", 0));
  if (metadata.numbers.contains(prefix + "pooling_type"))
    header.pooling_type = metadata.number(prefix + "pooling_type", 0);
  header.has_chat_template = metadata.texts.contains("tokenizer.chat_template");
  header.has_classifier = tensors.has_classifier;
  header.tokenizer_model = metadata.text("tokenizer.ggml.model");
  if (header.role == FileRole::projector) header.projector_type = metadata.text("clip.projector_type");
  read_split(reader, metadata, header);
  if (header.role != FileRole::weights) return header;

  AttentionFacts facts(reader, metadata, prefix);
  const std::int64_t layers = facts.bounded("block_count", 0, max_layers);
  header.shape.layers = clamp_u32(layers);
  header.shape.embedding_length = clamp_u32(metadata.number(prefix + "embedding_length", 0));
  const auto tokens = metadata.counts.find("tokenizer.ggml.tokens");
  const std::int64_t counted = tokens == metadata.counts.end() ? 0 : to_signed(tokens->second);
  header.shape.vocabulary = clamp_u32(metadata.number(prefix + "vocab_size", counted));
  // Encoders read their text at once and keep nothing.
  if (!is_encoder(header.architecture))
    header.shape.kv_bytes_per_token = kv_bytes_per_token(facts, layers, header.shape.embedding_length);
  return header;
}

}  // namespace

ModelKind GgufHeader::kind() const {
  constexpr std::int64_t rank = 4;
  const bool encodes = is_encoder(architecture);
  if (pooling_type == rank || (encodes && has_classifier)) return ModelKind::rerank;
  if (encodes || pooling_type.value_or(0) > 0) return ModelKind::embedding;
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

  GgufHeader header = describe(reader, version, metadata, tensors);
  if (!reader.ok()) return refuse(reader.fault());
  if (header.architecture.empty() && header.split_number == 0)
    return refuse("its header does not say which architecture it is (general.architecture)");
  // The first part of a split model may hold no more than the metadata.
  if (tensor_count == 0 && header.split_count == 1)
    return refuse("it holds no tensors: it is a vocabulary or a part of a model, not a model");
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

Result<GgufHeader> join_weights(const std::vector<GgufHeader>& files) {
  if (files.empty()) return refuse("a model needs a file of weights");
  const GgufHeader& first = files.front();
  for (const GgufHeader& file : files) {
    if (file.role == FileRole::adapter) return refuse("it is a LoRA adapter: add it to a model, with --lora");
    if (file.role == FileRole::projector)
      return refuse("it is a multimodal projector: add it to a model, with --mmproj");
  }
  if (first.split_count != files.size()) {
    if (first.split_count == 1)
      return refuse("several files are one model only when they are the parts of a split one");
    return refuse("it is one of the " + std::to_string(first.split_count) + " parts of a split model, and " +
                  std::to_string(files.size()) + (files.size() == 1 ? " is" : " are") +
                  " here: add the directory that holds all of them");
  }
  GgufHeader model = first;
  model.parameters = 0;
  model.tensors = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const GgufHeader& part = files[i];
    if (part.split_count != first.split_count || part.split_number != i || part.split_tensors != first.split_tensors) {
      return refuse("file " + std::to_string(i + 1) + " of " + std::to_string(files.size()) +
                    " is not the part of the split model that belongs there");
    }
    if (model.quantization.empty()) model.quantization = part.quantization;
    model.has_classifier = model.has_classifier || part.has_classifier;
    // Each is less than 2^63, and there are few of them; the sum is only shown.
    model.parameters =
        std::min<std::uint64_t>(model.parameters + part.parameters, std::numeric_limits<std::int64_t>::max());
    model.tensors += part.tensors;
  }
  if (first.split_count > 1 && model.tensors != first.split_tensors) {
    return refuse("the parts of the split model hold " + std::to_string(model.tensors) + " tensors of " +
                  std::to_string(first.split_tensors) + ": they are not of one model");
  }
  if (model.tensors == 0) return refuse("it holds no tensors");
  return model;
}

Result<void> check_companion(const GgufHeader& model, const GgufHeader& file) {
  if (file.split_count > 1) return refuse("it is a part of a split file");
  if (file.role == FileRole::weights) return refuse("it is a model of its own, no adapter and no projector");
  if (file.role == FileRole::adapter) {
    if (file.architecture == model.architecture) return {};
    return refuse("it is an adapter for the architecture " + file.architecture + "; the model is " +
                  model.architecture);
  }
  if (model.kind() != ModelKind::chat) return refuse("a projector is for models that chat");
  // Most projectors do not say what they belong to; these are for one family only.
  constexpr std::pair<std::string_view, std::string_view> families[] = {
      {"gemma3", "gemma3"},
      {"gemma3nv", "gemma3n"},
      {"gemma3na", "gemma3n"},
      {"qwen2vl_merger", "qwen2vl"},
      {"qwen2.5vl_merger", "qwen2vl"},
      {"qwen2.5o", "qwen2vl"},
      {"qwen3vl_merger", "qwen3vl"},
      {"llama4", "llama4"},
      {"kimivl", "deepseek2"},
  };
  for (const auto& [type, family] : families) {
    if (file.projector_type == type && !model.architecture.starts_with(family)) {
      return refuse("it is a projector for " + std::string(family) + "; the model is " + model.architecture);
    }
  }
  return {};
}

}  // namespace gogrid::domain
