"""The sandbox: fictive providers over real HTTP, in the place of all real ones."""
