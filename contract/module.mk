DEPS.contract := 
