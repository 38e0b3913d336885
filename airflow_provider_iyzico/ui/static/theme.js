// Light or dark as Airflow has it: Airflow keeps the reader's choice in this origin's storage, and tells its other pages of a change.
(() => {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    let choice = null;
    try {
      choice = localStorage.getItem("theme");
    } catch {
      // storage may be forbidden; then the system decides
    }
    const isDark = choice === "dark" || (choice !== "light" && system.matches);
    document.documentElement.classList.toggle("dark", isDark);
    dispatchEvent(new Event("theme"));
  };
  apply();
  addEventListener("storage", apply);
  system.addEventListener("change", apply);
})();
