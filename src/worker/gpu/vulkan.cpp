#include "worker/gpu/vulkan.hpp"

#include <dlfcn.h>

// The header names types only: nothing is linked.
#define VK_NO_PROTOTYPES
#include <vulkan/vulkan_core.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "base/utf8.hpp"

namespace gogrid::worker {
namespace {

constexpr std::uint32_t max_extensions = 4096;

template <std::size_t Size>
std::string text_of(const char (&text)[Size]) {
  return valid_utf8(std::string_view(text, ::strnlen(text, Size)), max_gpu_text_bytes);
}

std::string formatted(const char* format, unsigned int one, unsigned int two, unsigned int three, unsigned int four) {
  char text[40];
  std::snprintf(text, sizeof text, format, one, two, three, four);
  return text;
}

std::string hexadecimal(const std::uint8_t (&bytes)[VK_UUID_SIZE]) {
  std::string text;
  for (const std::uint8_t byte : bytes) {
    constexpr char digits[] = "0123456789abcdef";
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

}  // namespace

struct VulkanGpus::Functions {
  ~Functions() {
    if (instance != nullptr && destroy_instance != nullptr) destroy_instance(instance, nullptr);
    if (library != nullptr) ::dlclose(library);
  }
  template <class Function>
  bool find(Function& function, const char* name) const {
    function = reinterpret_cast<Function>(get(instance, name));
    return function != nullptr;
  }
  Result<void> start();
  std::vector<VkPhysicalDevice> devices() const;
  Gpu read(VkPhysicalDevice device, std::size_t index) const;
  void read_memory(VkPhysicalDevice device, bool has_budget, Gpu& gpu) const;
  std::vector<std::string> extensions(VkPhysicalDevice device) const;

  void* library = nullptr;
  VkInstance instance = nullptr;
  PFN_vkGetInstanceProcAddr get = nullptr;
  PFN_vkDestroyInstance destroy_instance = nullptr;
  PFN_vkEnumeratePhysicalDevices enumerate = nullptr;
  PFN_vkEnumerateDeviceExtensionProperties enumerate_extensions = nullptr;
  PFN_vkGetPhysicalDeviceProperties2 properties = nullptr;
  PFN_vkGetPhysicalDeviceMemoryProperties2 memory_properties = nullptr;
};

Result<void> VulkanGpus::Functions::start() {
  PFN_vkCreateInstance create = nullptr;
  PFN_vkEnumerateInstanceVersion version_of = nullptr;
  std::uint32_t version = VK_API_VERSION_1_0;
  if (find(version_of, "vkEnumerateInstanceVersion")) version_of(&version);
  if (version < VK_API_VERSION_1_1 || !find(create, "vkCreateInstance"))
    return Error(ErrorCode::unsupported, "its loader is older than 1.1");
  VkApplicationInfo application{};
  application.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
  application.pApplicationName = "gogrid-worker";
  application.apiVersion = VK_API_VERSION_1_1;
  VkInstanceCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
  info.pApplicationInfo = &application;
  if (const VkResult made = create(&info, nullptr, &instance); made != VK_SUCCESS) {
    instance = nullptr;
    return Error(ErrorCode::unavailable, made == VK_ERROR_INCOMPATIBLE_DRIVER
                                             ? "no driver found"
                                             : "vkCreateInstance failed with " + std::to_string(made));
  }
  const bool complete = find(destroy_instance, "vkDestroyInstance") && find(enumerate, "vkEnumeratePhysicalDevices") &&
                        find(enumerate_extensions, "vkEnumerateDeviceExtensionProperties") &&
                        find(properties, "vkGetPhysicalDeviceProperties2") &&
                        find(memory_properties, "vkGetPhysicalDeviceMemoryProperties2");
  if (!complete) return Error(ErrorCode::unsupported, "functions are missing");
  return {};
}

Result<std::unique_ptr<VulkanGpus>> VulkanGpus::open(const std::string& library) {
  auto functions = std::make_unique<Functions>();
  functions->library = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (functions->library == nullptr) return Error(ErrorCode::not_found, library + " not found");
  functions->get = reinterpret_cast<PFN_vkGetInstanceProcAddr>(::dlsym(functions->library, "vkGetInstanceProcAddr"));
  if (functions->get == nullptr) return Error(ErrorCode::unsupported, library + " is no Vulkan loader");
  if (auto started = functions->start(); !started) return started.error();
  return std::unique_ptr<VulkanGpus>(new VulkanGpus(std::move(functions)));
}

VulkanGpus::VulkanGpus(std::unique_ptr<Functions> functions) : functions_(std::move(functions)) {}
VulkanGpus::~VulkanGpus() = default;

std::vector<Gpu> VulkanGpus::read() const {
  std::vector<Gpu> gpus;
  for (const VkPhysicalDevice device : functions_->devices())
    merge(gpus, {functions_->read(device, gpus.size())});
  return gpus;
}

std::vector<VkPhysicalDevice> VulkanGpus::Functions::devices() const {
  std::vector<VkPhysicalDevice> found(max_gpus);
  auto count = static_cast<std::uint32_t>(found.size());
  const VkResult result = enumerate(instance, &count, found.data());
  if (result != VK_SUCCESS && result != VK_INCOMPLETE) count = 0;
  found.resize(std::min<std::size_t>(count, found.size()));
  return found;
}

std::vector<std::string> VulkanGpus::Functions::extensions(VkPhysicalDevice device) const {
  std::uint32_t count = 0;
  if (enumerate_extensions(device, nullptr, &count, nullptr) != VK_SUCCESS) return {};
  count = std::min(count, max_extensions);
  std::vector<VkExtensionProperties> found(count);
  const VkResult result = enumerate_extensions(device, nullptr, &count, found.data());
  if (result != VK_SUCCESS && result != VK_INCOMPLETE) return {};
  found.resize(std::min<std::size_t>(count, found.size()));
  std::vector<std::string> names;
  names.reserve(found.size());
  for (const VkExtensionProperties& extension : found)
    names.push_back(text_of(extension.extensionName));
  return names;
}

Gpu VulkanGpus::Functions::read(VkPhysicalDevice device, std::size_t index) const {
  const auto names = extensions(device);
  const auto has = [&names](const char* name) { return std::find(names.begin(), names.end(), name) != names.end(); };
  VkPhysicalDeviceProperties2 all{};
  all.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
  VkPhysicalDeviceIDProperties identity{};
  identity.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES;
  VkPhysicalDeviceDriverProperties driver{};
  driver.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES;
  VkPhysicalDevicePCIBusInfoPropertiesEXT place{};
  place.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PCI_BUS_INFO_PROPERTIES_EXT;
  const bool has_place = has(VK_EXT_PCI_BUS_INFO_EXTENSION_NAME);
  const bool has_driver = has(VK_KHR_DRIVER_PROPERTIES_EXTENSION_NAME);
  // The chain of questions, each only where the device has its extension.
  all.pNext = &identity;
  if (has_place) place.pNext = std::exchange(all.pNext, &place);
  if (has_driver) driver.pNext = std::exchange(all.pNext, &driver);
  properties(device, &all);

  const VkPhysicalDeviceProperties& own = all.properties;
  Gpu gpu;
  gpu.name = text_of(own.deviceName);
  gpu.software = own.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
  gpu.integrated = own.deviceType == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU || gpu.software;
  const std::string vendor = formatted("%04x", own.vendorID & 0xffff, 0, 0, 0);
  // Above 0xffff it is Khronos' own number of a maker, not PCI's.
  if (own.vendorID <= 0xffff) {
    gpu.vendor = vendor_name(vendor);
    gpu.pci_id = vendor + ":" + formatted("%04x", own.deviceID & 0xffff, 0, 0, 0);
  } else if (gpu.software) {
    gpu.vendor = "Mesa";
  }
  if (has_driver) {
    gpu.driver = text_of(driver.driverName);
    gpu.driver_version = text_of(driver.driverInfo);
  }
  if (has_place) {
    gpu.id = pci_gpu_id(formatted("%04x:%02x:%02x.%x", place.pciDomain, place.pciBus & 0xff, place.pciDevice & 0xff,
                                  place.pciFunction));
  }
  if (gpu.id.empty()) {
    gpu.id = "vulkan:" + hexadecimal(identity.deviceUUID);
    // Some drivers name all their devices alike.
    if (std::all_of(std::begin(identity.deviceUUID), std::end(identity.deviceUUID),
                    [](auto byte) { return byte == 0; }))
      gpu.id = "vulkan:" + std::to_string(index);
  }
  read_memory(device, has(VK_EXT_MEMORY_BUDGET_EXTENSION_NAME), gpu);
  return gpu;
}

void VulkanGpus::Functions::read_memory(VkPhysicalDevice device, bool has_budget, Gpu& gpu) const {
  VkPhysicalDeviceMemoryProperties2 all{};
  all.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2;
  VkPhysicalDeviceMemoryBudgetPropertiesEXT budget{};
  budget.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT;
  if (has_budget) all.pNext = &budget;
  memory_properties(device, &all);
  const VkPhysicalDeviceMemoryProperties& memory = all.memoryProperties;
  std::uint64_t free_bytes = 0;
  for (std::uint32_t i = 0; i < std::min<std::uint32_t>(memory.memoryHeapCount, VK_MAX_MEMORY_HEAPS); ++i) {
    if ((memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) == 0) continue;
    gpu.total_bytes += memory.memoryHeaps[i].size;
    // What this process could have: it has nothing.
    free_bytes += std::min<std::uint64_t>(budget.heapBudget[i], memory.memoryHeaps[i].size);
  }
  if (!has_budget) return;
  gpu.reading.free_bytes = free_bytes;
  // Drivers keep a part back from everybody, so this is the most that others use.
  if (!gpu.integrated) gpu.reading.used_bytes = gpu.total_bytes - free_bytes;
}

}  // namespace gogrid::worker
